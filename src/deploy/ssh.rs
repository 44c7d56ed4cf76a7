//! The connection to the machine. All commands share one; nix uses it, too. It breaks if the machine reboots:
//! ssh must notice that, and open another one.

use std::{env, fs, io, process::Stdio};

use tempfile::TempDir;
use tokio::process::Command;

use crate::{address::Destination, error::Error, program, words};

/// The exit status of ssh when the connection fails or breaks, ssh(1).
pub(crate) const BROKEN: i32 = 255;

/// The variable with further options for ssh, which nix reads, too.
pub(crate) const VARIABLE: &str = "NIX_SSHOPTS";

/// How ssh connects, and the folder of the shared connections.
#[derive(Debug)]
pub(crate) struct Ssh {
    folder: TempDir,
    given: String,
    own: Vec<String>,
    options: Vec<String>,
}

impl Ssh {
    /// Reads `NIX_SSHOPTS`, and makes the folder. ssh takes the first value of an option: those of
    /// `NIX_SSHOPTS` come before ours.
    ///
    /// # Errors
    /// The variable cannot be split into words, or the folder cannot be made.
    pub(crate) fn new() -> Result<Self, Error> {
        let given = env::var_os(VARIABLE).unwrap_or_default().into_string().ok();
        let (given, mut options) =
            given
                .and_then(|given| words::split(&given).map(|words| (given, words)))
                .ok_or_else(|| Error::Usage(format!("{VARIABLE} cannot be split into words")))?;
        let folder = folder()
            .map_err(|error| Error::NothingChanged(format!("No folder can be made in /tmp: {error}.")))?;
        let path = format!("ControlPath={}/%C", folder.path().display());
        let own = [
            "BatchMode=yes",
            "ConnectTimeout=10",
            "ServerAliveInterval=5",
            "ControlMaster=auto",
            &path,
            "ControlPersist=10m",
        ];
        let own: Vec<_> = own.iter().flat_map(|option| ["-o".into(), (*option).to_owned()]).collect();
        options.extend(own.iter().cloned());
        Ok(Self { folder, given, own, options })
    }

    /// The value of `NIX_SSHOPTS` with which nix shares the connection.
    #[must_use]
    pub(crate) fn for_nix(&self) -> String {
        format!("{} {}", self.given, self.own.join(" "))
    }

    /// ssh, to run a command line there. It has no standard input.
    #[must_use]
    pub(crate) fn command(&self, host: &Destination, line: &str) -> Command {
        let mut command = self.ssh();
        command.args([&host.to_string(), line]);
        command
    }

    /// Closes the connections to these hosts.
    pub(crate) async fn close(self, hosts: impl IntoIterator<Item = &Destination>) {
        for host in hosts {
            let mut exit = self.ssh();
            exit.args(["-O", "exit", &host.to_string()]).stderr(Stdio::null());
            // there may be none
            program::status(&mut exit).await;
        }
        // what cannot be removed is left to whoever cleans /tmp
        let _ = fs::remove_dir_all(self.folder.path());
    }

    fn ssh(&self) -> Command {
        let mut command = Command::new("ssh");
        command.args(&self.options).stdin(Stdio::null());
        command
    }
}

/// A folder with a short name, because the path of a Unix socket has at most 107 bytes, unix(7).
fn folder() -> io::Result<TempDir> {
    tempfile::Builder::new().prefix("uecho-deploy.").tempdir_in("/tmp")
}
