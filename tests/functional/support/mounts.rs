//! Mount namespaces, in which a program sees files of ours in place of the machine's.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
    sync::{LazyLock, Once},
};

use tempfile::TempDir;

/// The options with which unshare(1) can make a mount namespace here, if any: in a user namespace, or as root
/// without one.
static WAY: LazyLock<Option<&[&str]>> = LazyLock::new(|| {
    const WAYS: [&[&str]; 2] = [&["--user", "--map-root-user", "--mount"], &["--mount"]];
    let directory = TempDir::new().unwrap();
    WAYS.into_iter().find(|way| {
        let mut tried = unshared(way, "mount -t tmpfs tmpfs \"$0\"", directory.path());
        let tried = tried.args(["-c", "exit 0"]).stdin(Stdio::null()).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    })
});

/// Whether this machine allows mount namespaces. If not, this says so on the real standard error, because
/// tests that need them then test nothing. Where `CI` is set, that is a failure.
pub fn namespaces() -> bool {
    static SAID: Once = Once::new();
    if WAY.is_none() {
        let text = "tests with files of their own in place of the machine's; this machine does not allow \
                    `unshare --mount`";
        assert!(std::env::var_os("CI").is_none(), "cannot run {text}");
        SAID.call_once(|| {
            let _ = std::io::stderr().write_all(format!("SKIPPED: {text}\n").as_bytes());
        });
    }
    WAY.is_some()
}

/// A shell in a mount namespace of its own, after this script; the caller adds the arguments of `sh`.
/// In the script, `$0` is the directory; `$$` will be the id of the process that the shell runs by `exec`.
pub fn namespace(mount: &str, directory: &Path) -> Command {
    unshared(WAY.unwrap(), mount, directory)
}

fn unshared(way: &[&str], mount: &str, directory: &Path) -> Command {
    let script = format!("{mount} && exec /bin/sh \"$@\"");
    let mut command = Command::new("unshare");
    command.args(way).args(["--", "/bin/sh", "-c", &script]).arg(directory);
    command
}
