//! Runs nix and ssh. What they say on standard error is for the human, and goes there at once; how long they
//! may take is up to them.

use std::{io, os::unix::process::ExitStatusExt, process::Stdio};

use tokio::process::Command;

use crate::say::say;

/// The exit status of a shell for a program that cannot be started.
const NOT_STARTED: i32 = 127;
/// The exit status of a shell for a program that a signal has ended is this plus the signal.
pub(crate) const SIGNALLED: u8 = 128;

/// Runs a program to its end, and returns its standard output without the newlines at its end.
///
/// # Errors
/// Its exit status, as a shell gives it, if that is not 0.
pub(crate) async fn output(command: &mut Command) -> Result<String, i32> {
    match run(command.stdout(Stdio::piped())).await {
        (0, stdout) => Ok(String::from_utf8_lossy(&stdout).trim_end_matches('\n').into()),
        (status, _) => Err(status),
    }
}

/// Runs a program to its end, with its standard output on standard error. Returns its exit status, as a shell
/// gives it.
pub(crate) async fn status(command: &mut Command) -> i32 {
    run(command.stdout(io::stderr())).await.0
}

async fn run(command: &mut Command) -> (i32, Vec<u8>) {
    let ended = match command.kill_on_drop(true).spawn() {
        Ok(child) => child.wait_with_output().await,
        Err(error) => Err(error),
    };
    match ended {
        Ok(ended) => {
            let signal = || ended.status.signal().map(|signal| i32::from(SIGNALLED) + signal);
            (ended.status.code().or_else(signal).unwrap_or(i32::from(SIGNALLED)), ended.stdout)
        }
        Err(error) => {
            say(format!("{}: {error}", command.as_std().get_program().display()));
            (NOT_STARTED, Vec::new())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn output_is_that_of_a_command_substitution() {
        assert_eq!(output(&mut shell("printf ' a\\nb\\n\\n'; echo no >&2")).await, Ok(" a\nb".into()));
        assert_eq!(output(&mut shell("echo a; exit 3")).await, Err(3));
    }

    #[tokio::test]
    async fn the_status_is_that_of_a_shell() {
        assert_eq!(status(&mut shell("exit 7")).await, 7);
        assert_eq!(status(&mut shell("kill -TERM $$")).await, 143);
        assert_eq!(status(&mut Command::new("/nonexistent/program")).await, 127);
    }
}
