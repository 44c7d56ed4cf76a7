//! Closing a connection on which the client may still be sending: closing at once would make the kernel send
//! a reset, and a reset destroys an answer that the client has not read yet.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use crate::net::stream::{Stream, has_unread};

/// The longest that an end may take, each way.
pub(super) const LONGEST: Duration = Duration::from_secs(5);
/// The longest silence of a client whose bytes are read and thrown away.
const LONGEST_SILENCE: Duration = Duration::from_secs(1);
const MOST_BYTES: usize = 64 << 20;

/// Closes; at once when the client has nothing under way, as far as anyone can know.
pub(super) async fn close(stream: Stream, under_way: bool) {
    if under_way || has_unread(&stream) {
        drain(stream).await;
    }
}

/// Says that nothing more will come, then reads until the client has closed too, within bounds.
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
