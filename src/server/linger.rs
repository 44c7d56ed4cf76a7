//! Closing a connection on which the client may still be sending: closing at once would make the kernel send a reset, and a
//! reset destroys an answer that the client has not read yet.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use super::stream::Stream;

/// Longest time in all, and longest silence, for which what the client sends is read and thrown away.
const LONGEST: Duration = Duration::from_secs(5);
const LONGEST_SILENCE: Duration = Duration::from_secs(1);
const MOST_BYTES: usize = 64 << 20;

/// Closes at once when the client has nothing under way, else lingers.
pub async fn close(stream: Stream) {
    if stream.has_unread() {
        drain(stream).await;
    }
}

/// Says that nothing more will come, then reads until the client has closed too, within bounds.
pub async fn drain(mut stream: Stream) {
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
