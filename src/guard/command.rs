//! Runs other programs, without a shell, with limits for their time and for the output that is kept.

use std::{path::Path, pin::pin, process::Stdio, time::Duration};

use futures_util::future::{Either, select};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
};

use crate::system::SystemError;

/// How many bytes of each stream are kept.
const KEPT: u64 = 64 * 1024;

/// Time limit of programs that only read or set something.
pub(crate) const QUICK: Duration = Duration::from_mins(1);

/// How long the output is still read after the program has ended.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Result of a program.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    /// Whether its exit status is 0.
    pub success: bool,
    /// Exit status or signal, in words.
    pub status: String,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ended {
    /// The last line of its output, in which programs usually give the reason.
    #[must_use]
    pub(crate) fn last_line(&self) -> &str {
        let mut said = [&self.stderr, &self.stdout].into_iter().flat_map(|text| text.lines().rev());
        said.find(|line| !line.trim().is_empty()).unwrap_or_default().trim()
    }
}

/// Looks for a program where it would be run from, without running it.
///
/// # Errors
/// It is not there; the text names the setting that says where it is.
pub(crate) fn find(program: &Path, key: &str) -> Result<(), SystemError> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = if program.components().count() > 1 {
        program.exists()
    } else {
        std::env::split_paths(&folders).any(|folder| folder.join(program).exists())
    };
    if found {
        return Ok(());
    }
    Err(SystemError(format!("{}: no such program; the setting {key} says where it is", program.display())))
}

/// Runs a program to its end, or kills it and all that it has started after `timeout`. Processes that it
/// leaves behind at its end are not killed.
///
/// # Errors
/// It cannot be started, or took too long.
pub(crate) async fn run(argv: &[&str], timeout: Duration) -> Result<Ended, SystemError> {
    let shown = argv.join(" ");
    let failed = |error: &dyn std::fmt::Display| SystemError(format!("`{shown}`: {error}"));
    let (program, arguments) = argv.split_first().ok_or_else(|| failed(&"nothing to run"))?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(&error))?;
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (mut said, mut complained) = (Vec::new(), Vec::new());
    let whole = async {
        let reading = async { tokio::join!(keep(stdout, &mut said), keep(stderr, &mut complained)) };
        match select(pin!(child.wait()), pin!(reading)).await {
            Either::Left((status, reading)) => {
                // processes that it has left behind may keep the pipes open for any time
                let _ = tokio::time::timeout(LAST_WORDS, reading).await;
                status
            }
            Either::Right((_, wait)) => wait.await,
        }
    };
    let Ok(status) = tokio::time::timeout(timeout, whole).await else {
        if let Some(group) = group {
            // it may have ended at this moment
            let _ = kill_process_group(group, Signal::KILL);
        }
        return Err(failed(&format!("no end within {}", humantime::format_duration(timeout))));
    };
    let status = status.map_err(|error| failed(&error))?;
    let text = |kept: Vec<u8>| String::from_utf8_lossy(&kept).into_owned();
    let (stdout, stderr) = (text(said), text(complained));
    Ok(Ended { success: status.success(), status: status.to_string(), stdout, stderr })
}

/// As [`run`], but an exit status other than 0 is a failure. Returns the standard output.
///
/// # Errors
/// As [`run`], or it failed; the text has its last line.
pub(crate) async fn must(argv: &[&str], timeout: Duration) -> Result<String, SystemError> {
    let ended = run(argv, timeout).await?;
    if ended.success {
        return Ok(ended.stdout);
    }
    Err(SystemError(format!("`{}`: {}: {}", argv.join(" "), ended.status, ended.last_line())))
}

async fn keep(stream: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut stream) = stream else { return };
    // after an error of the stream, no more output comes
    let _ = (&mut stream).take(KEPT).read_to_end(kept).await;
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn the_reason_is_the_last_line() {
        assert_eq!(must(&["printf", "%s", "a b"], LONG).await.unwrap(), "a b");
        let error =
            must(&["sh", "-c", "echo one; echo two >&2; echo three >&2; exit 7"], LONG).await.unwrap_err();
        assert!(error.0.ends_with("exit status: 7: three"), "{error}");
        assert!(must(&["/nonexistent/program"], LONG).await.unwrap_err().0.contains("/nonexistent/program"));
    }

    #[tokio::test]
    async fn what_takes_too_long_is_killed_with_all_it_started() {
        let begin = Instant::now();
        let error = run(&["sh", "-c", "sleep 60 & sleep 60"], Duration::from_millis(200)).await.unwrap_err();
        assert!(error.0.ends_with("no end within 200ms"), "{error}");
        assert!(begin.elapsed() < LONG);
    }

    #[tokio::test]
    async fn the_end_of_a_program_does_not_wait_for_what_it_leaves_behind() {
        let begin = Instant::now();
        let ended = run(&["sh", "-c", "sleep 60 & echo one; echo two >&2"], LONG).await.unwrap();
        assert!(ended.success && begin.elapsed() < LONG, "{ended:?}");
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("one\n", "two\n"));
        let ended = run(&["sh", "-c", "yes & exit 3"], LONG).await.unwrap();
        assert!(!ended.success && begin.elapsed() < LONG, "{}", ended.status);
    }

    #[tokio::test]
    async fn endless_output_is_cut_and_does_not_block() {
        let ended = run(&["sh", "-c", "yes | head -c 1000000"], LONG).await.unwrap();
        assert_eq!((ended.success, ended.stdout.len()), (true, 65536));
    }
}
