//! Builds a version with nix, and copies it to the machine.

use std::env;

use tokio::process::Command;

use crate::{address::Destination, error::Error, flake::Flake, program, ssh, version::Version};

/// How nix is called.
#[derive(Debug)]
pub(crate) struct Nix {
    /// Options of ssh, with which nix shares the connection.
    pub ssh_options: String,
    /// Where to build, if not here.
    pub builder: Option<Destination>,
}

/// What was built.
#[derive(Debug)]
pub(crate) struct Built {
    /// The version.
    pub version: Version,
    /// The revision of its service, as the receipt has it; `None` if it is not known.
    pub revision: Option<String>,
}

impl Nix {
    /// Builds a version.
    ///
    /// # Errors
    /// It does not build, or it does not say what it is.
    pub(crate) async fn build(&self, flake: &Flake) -> Result<Built, Error> {
        let failed = |reason: &str| Error::NothingChanged(reason.into());
        let store = self.builder.as_ref().map(Destination::store);
        let mut build = self.nix(&["build"]);
        if let Some(store) = &store {
            build.args(["--eval-store", "auto", "--store", store]);
        }
        build.args(["--no-link", "--print-out-paths", &flake.attribute("system.build.toplevel")]);
        let system = program::output(&mut build).await.map_err(|_| failed("It does not build."))?;
        let mut eval = self.nix(&["eval", "--raw", &flake.attribute("services.uecho.package.revision")]);
        let revision = program::output(&mut eval).await.map_err(|_| failed("It has no revision."))?;
        let mut cat = self.nix(&["store", "cat"]);
        if let Some(store) = &store {
            cat.args(["--store", store]);
        }
        cat.arg(format!("{system}/nixos-version"));
        let label = program::output(&mut cat).await.map_err(|_| failed("It has no label."))?;
        Ok(Built { version: Version::new(system, &label), revision: Some(revision) })
    }

    /// Copies a version to the machine. What was built just now is not signed. It need not be: whoever copies
    /// as root may do anything.
    ///
    /// # Errors
    /// It could not be copied.
    pub(crate) async fn copy(&self, version: &Version, to: &Destination) -> Result<(), Error> {
        let mut copy = self.nix(&["copy", "--no-check-sigs", "--substitute-on-destination"]);
        if let Some(builder) = &self.builder {
            copy.args(["--from", &builder.store()]);
        }
        copy.args(["--to", &to.store(), &version.system]);
        match program::status(&mut copy).await {
            0 => Ok(()),
            _ => Err(Error::NothingChanged("It could not be copied.".into())),
        }
    }

    /// nix with these arguments, with the features that they need.
    fn nix(&self, arguments: &[&str]) -> Command {
        let mut config = String::from("extra-experimental-features = flakes nix-command");
        if let Ok(given) = env::var("NIX_CONFIG") {
            config.extend(["\n", &given]);
        }
        let mut command = Command::new("nix");
        command.args(arguments).env("NIX_CONFIG", config).env(ssh::VARIABLE, &self.ssh_options);
        command
    }
}
