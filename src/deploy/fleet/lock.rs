//! One rollout at a time: a unit on the machine of the balancer, which runs for as long as the connection of
//! the rollout that holds it. Two rollouts would each see enough nodes `UP`, and take one each.

use std::{env, fs, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Child,
    time::timeout,
};

use crate::{
    error::Error,
    machine::{Machine, TOOLS, quoted},
};

const UNIT: &str = "uecho-rollout.service";
/// What the unit says once it runs.
const HELD: &str = "held";
const LET_GO: Duration = Duration::from_secs(10);

/// The lock; it is released when the connection ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock(Child);

impl Lock {
    /// Takes the lock without waiting.
    ///
    /// # Errors
    /// Another rollout holds it; the text says who and since when. Or the machine does not answer.
    pub(crate) async fn take(machine: Machine<'_>) -> Result<Self, Error> {
        let host = machine.host;
        let silent = |problem| Error::NothingChanged(format!("{host}: {problem}."));
        // cat ends when its input does, which is when the connection ends
        let line = format!(
            "systemd-run --collect --no-ask-password --pipe --quiet --wait --unit={UNIT} --description={} \
             --setenv=PATH={TOOLS} {TOOLS}/sh -c 'echo {HELD} && exec cat'",
            quoted(&holder())
        );
        let mut child = machine
            .ssh
            .command(host, &line)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| silent(format!("ssh: {error}")))?;
        let mut said = String::new();
        if let Some(stdout) = child.stdout.take() {
            // what cannot be read was not said
            let _ = BufReader::new(stdout).read_line(&mut said).await;
        }
        if said.trim_end() == HELD {
            return Ok(Self(child));
        }
        match machine.unit(UNIT).await {
            Ok(Some((holder, age))) => Err(Error::Busy(format!(
                "another rollout is under way: {holder}, for {} s; `systemctl stop {UNIT}` on {host} ends it",
                age.as_secs()
            ))),
            Ok(None) => Err(silent(format!("{UNIT} cannot be started, which keeps other rollouts out"))),
            Err(_) => Err(silent("no answer".into())),
        }
    }

    /// Whether it is still held.
    pub(crate) fn is_held(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// Lets the next rollout in.
    pub(crate) async fn release(mut self) {
        drop(self.0.stdin.take());
        // if it does not end by itself, it is killed on drop
        let _ = timeout(LET_GO, self.0.wait()).await;
    }
}

/// Who rolls out, for whoever is kept out.
fn holder() -> String {
    let user = env::var("USER").or_else(|_| env::var("LOGNAME")).unwrap_or_else(|_| "somebody".into());
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{user}@{}, process {}", host.trim(), std::process::id())
}
