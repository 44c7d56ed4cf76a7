//! Running other programs: bounded in time and in what is kept of their output, never through a shell.

use std::{process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
};

use super::system::SystemError;

/// Most that is kept of each stream, in bytes.
const KEPT: u64 = 64 * 1024;

/// How a program ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Whether it exited with 0.
    pub success: bool,
    /// Exit status or signal, in words.
    pub status: String,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ended {
    /// The last line that it said, which is where programs put the reason.
    #[must_use]
    pub fn last_line(&self) -> &str {
        let mut said = [&self.stderr, &self.stdout].into_iter().flat_map(|text| text.lines().rev());
        said.find(|line| !line.trim().is_empty()).unwrap_or_default().trim()
    }
}

/// Runs a program to its end, or kills it and all it has started when `timeout` is over.
///
/// # Errors
/// It cannot be started, or took too long.
pub async fn run(argv: &[&str], timeout: Duration) -> Result<Ended, SystemError> {
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
    let all = async { tokio::join!(child.wait(), keep(stdout), keep(stderr)) };
    let Ok((status, stdout, stderr)) = tokio::time::timeout(timeout, all).await else {
        if let Some(group) = group {
            // it may have ended this very moment
            let _ = kill_process_group(group, Signal::KILL);
        }
        return Err(failed(&format!("no end within {}", humantime::format_duration(timeout))));
    };
    let status = status.map_err(|error| failed(&error))?;
    Ok(Ended { success: status.success(), status: status.to_string(), stdout, stderr })
}

/// As [`run`], for programs whose exit status other than 0 is a failure. Gives the standard output.
///
/// # Errors
/// As [`run`], or it failed; the text has its last line.
pub async fn must(argv: &[&str], timeout: Duration) -> Result<String, SystemError> {
    let ended = run(argv, timeout).await?;
    if ended.success {
        return Ok(ended.stdout);
    }
    Err(SystemError(format!("`{}`: {}: {}", argv.join(" "), ended.status, ended.last_line())))
}

async fn keep(stream: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stream) = stream else { return String::new() };
    let mut kept = Vec::new();
    // a stream that breaks has said all it will say
    let _ = (&mut stream).take(KEPT).read_to_end(&mut kept).await;
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&kept).into_owned()
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
    async fn endless_output_is_cut_and_does_not_block() {
        let ended = run(&["sh", "-c", "yes | head -c 1000000"], LONG).await.unwrap();
        assert_eq!((ended.success, ended.stdout.len()), (true, 65536));
    }
}
