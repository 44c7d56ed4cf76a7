//! Closes a connection on which the client may still be sending. If the service closed it at once, the kernel
//! would send a reset, and a reset destroys an answer that the client has not read yet.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use crate::net::stream::{Stream, has_unread};

/// The longest time for reading after our side is closed.
pub(super) const LONGEST: Duration = Duration::from_secs(5);
/// The longest time for which the client may send nothing while its bytes are read and discarded.
const LONGEST_SILENCE: Duration = Duration::from_secs(1);
const MOST_BYTES: usize = 64 << 20;

/// Closes the connection, at once if neither the caller nor the kernel knows of more bytes from the client.
pub(super) async fn close(stream: Stream, under_way: bool) {
    if under_way || has_unread(&stream) {
        drain(stream).await;
    }
}

/// Closes our side, then reads and discards until the client has closed its side, within the bounds above.
pub(super) async fn drain(mut stream: Stream) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut buffer = vec![0; 16 << 10];
    let discard = async {
        let mut left = MOST_BYTES;
        while let Ok(Ok(read @ 1..)) = timeout(LONGEST_SILENCE, stream.read(&mut buffer)).await {
            match left.checked_sub(read) {
                Some(less) => left = less,
                None => break,
            }
        }
    };
    let _ = timeout(LONGEST, discard).await;
}
