//! The buffer of lines for standard error, one for each event, written at the end of a batch.

use std::{
    io::{self, ErrorKind, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The room that the buffer keeps between batches.
const MAX_IDLE_BYTES: usize = 64 * 1024;
/// The pause between attempts on a stream that is full and does not block (another process may have made it
/// so).
const PAUSE: Duration = Duration::from_millis(10);

/// Cheap to clone; all clones are one buffer.
#[derive(Clone, Default)]
pub(super) struct LineBuffer(Arc<Mutex<Unwritten>>);

#[derive(Default)]
struct Unwritten {
    bytes: Vec<u8>,
    /// Whether the last line that was written lacks its end.
    torn: bool,
}

impl LineBuffer {
    /// Writes everything and waits for as long as that takes; gives the number of lines that could not be
    /// written.
    pub(super) fn drain(&self, stream: &mut impl Write) -> u64 {
        let Unwritten { bytes, torn } = &mut *self.lock();
        if std::mem::take(torn) && !bytes.is_empty() {
            bytes.insert(0, b'\n');
        }
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            match stream.write(rest) {
                Ok(0) => break,
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::park_timeout(PAUSE),
                // there is no place left to report that standard error is gone
                Err(_) => break,
            }
        }
        let written = &bytes[..bytes.len() - rest.len()];
        *torn = written.last().is_some_and(|last| *last != b'\n');
        let lost = memchr::memchr_iter(b'\n', rest).count() as u64;
        bytes.clear();
        bytes.shrink_to(MAX_IDLE_BYTES);
        lost
    }

    fn lock(&self) -> MutexGuard<'_, Unwritten> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for LineBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().bytes.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes each of these numbers of bytes in turn, or fails with the error.
    struct ScriptedWriter(Vec<Result<usize, ErrorKind>>, Vec<u8>);

    impl Write for ScriptedWriter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let length = self.0.remove(0)?.min(bytes.len());
            self.1.extend_from_slice(&bytes[..length]);
            Ok(length)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn each_line_whose_end_was_not_written_is_lost() {
        for (written, lost, found) in [
            (vec![Ok(99)], 0, "one\ntwo\nthree\n"),
            (
                vec![Ok(3), Err(ErrorKind::Interrupted), Ok(1), Err(ErrorKind::WouldBlock), Ok(99)],
                0,
                "one\ntwo\nthree\n",
            ),
            (vec![Err(ErrorKind::StorageFull)], 3, ""),
            (vec![Ok(4), Err(ErrorKind::BrokenPipe)], 2, "one\n"),
            (vec![Ok(5), Ok(0)], 2, "one\nt"),
            (vec![Ok(13), Err(ErrorKind::StorageFull)], 1, "one\ntwo\nthree"),
        ] {
            let mut buffer = LineBuffer::default();
            buffer.write_all(b"one\ntwo\nthree\n").unwrap();
            let mut stream = ScriptedWriter(written, Vec::new());
            assert_eq!((buffer.drain(&mut stream), std::str::from_utf8(&stream.1).unwrap()), (lost, found));
            // the next line is a line of its own
            buffer.write_all(b"four\n").unwrap();
            stream.0 = vec![Ok(99)];
            assert_eq!(buffer.drain(&mut stream), 0);
            assert!(std::str::from_utf8(&stream.1).unwrap().lines().any(|line| line == "four"), "{found:?}");
        }
    }
}
