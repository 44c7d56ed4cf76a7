//! Who says it: signatures of OpenSSH (`ssh-keygen -Y`, PROTOCOL.sshsig). Which keys may sign is a file of
//! `allowed_signers` lines, ssh-keygen(1); two lines are a rotation.

use std::{io::Write as _, path::Path, process::Stdio};

use tempfile::NamedTempFile;
use tokio::{io::AsyncWriteExt as _, process::Command};

/// The principal of the lines in `allowed_signers`.
pub(crate) const PRINCIPAL: &str = "release";
/// A signature that the same key has made for something else does not count.
pub(crate) const NAMESPACE: &str = "uecho-release";

/// Checks that one of the keys that may sign has signed exactly this text.
///
/// # Errors
/// No such key has signed it, or it cannot be checked; the text is that of ssh-keygen.
pub(crate) async fn check(text: &[u8], signature: &[u8], allowed_signers: &Path) -> Result<(), String> {
    let file = (|| {
        let mut file = NamedTempFile::new()?;
        file.write_all(signature)?;
        file.flush()?;
        Ok::<_, std::io::Error>(file)
    })()
    .map_err(|error| format!("the signature cannot be written to a file: {error}"))?;
    let mut command = Command::new("ssh-keygen");
    command.args(["-Y", "verify", "-I", PRINCIPAL, "-n", NAMESPACE, "-f"]).arg(allowed_signers);
    command.arg("-s").arg(file.path()).kill_on_drop(true);
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.map_err(|error| format!("ssh-keygen: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // if it ends early, its status says why
        let _ = stdin.write_all(text).await;
    }
    let ended = child.wait_with_output().await.map_err(|error| format!("ssh-keygen: {error}"))?;
    if ended.status.success() {
        return Ok(());
    }
    let said = [ended.stderr, ended.stdout].concat();
    let said = String::from_utf8_lossy(&said).lines().map(str::trim).collect::<Vec<_>>().join(", ");
    Err(format!("no key in {} has signed it: ssh-keygen: {said}", allowed_signers.display()))
}
