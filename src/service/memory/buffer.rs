//! Bytes that grow within the budget.

use std::io;

use bytes::Bytes;

use crate::memory::held::{Full, Held};

/// The least that a [`Buffer`] takes at once, in bytes.
const LEAST_BYTES: usize = 1 << 10;
/// The number of bytes it takes at once when there is no room to double.
const STEP_BYTES: usize = 64 << 10;

/// A growing buffer. All that it has allocated counts as held, not only what it contains; before that, the
/// room that it was given counts.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    held: Held,
}

impl Buffer {
    /// Makes an empty buffer. Its bytes first use the room that `held` has, and then take more.
    pub(crate) fn new(held: Held) -> Self {
        Self { bytes: Vec::new(), held }
    }

    /// Appends.
    ///
    /// # Errors
    /// There is no room; the buffer stays as it was.
    pub(crate) fn extend(&mut self, more: &[u8]) -> Result<(), Full> {
        let length = self.bytes.len() + more.len();
        let capacity = self.bytes.capacity();
        if length > capacity {
            let held = self.held.bytes();
            // the capacity doubles each time, so that each byte is moved about once; near the limit it grows
            // only as far as needed
            let doubled = length.max(2 * capacity).max(LEAST_BYTES);
            let target = [doubled, doubled.min(length + STEP_BYTES)]
                .into_iter()
                .find(|roomy| self.held.try_grow(roomy.saturating_sub(held)))
                .map_or_else(|| self.held.grow(length.saturating_sub(held)).map(|()| length), Ok)?;
            self.bytes.reserve_exact(target - self.bytes.len());
        }
        self.bytes.extend_from_slice(more);
        Ok(())
    }

    /// Its room, without the bytes.
    #[must_use]
    pub(crate) fn into_held(self) -> Held {
        self.held
    }

    /// The same bytes, held until the last clone or slice of them is dropped.
    #[must_use]
    pub(crate) fn into_bytes(mut self) -> Bytes {
        self.bytes.shrink_to_fit();
        self.held.shrink_to(self.bytes.capacity());
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Its only error is [`Full`].
impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.extend(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uecho_probe::units::Size;

    use super::*;
    use crate::memory::Memory;

    #[test]
    fn a_slice_holds_the_whole_buffer() {
        let memory = Memory::new(Size::kib(64)).unwrap();
        let mut buffer = memory.buffer();
        buffer.extend(&[7; 3000]).unwrap();
        buffer.extend(&[8; 3000]).unwrap();
        let mut bytes = buffer.into_bytes();
        assert_eq!(memory.held(), 6000, "and no spare room");
        let first = bytes.split_to(3000);
        drop(bytes);
        assert_eq!((memory.held(), &first[..]), (6000, &[7; 3000][..]));
        drop(first);
        assert_eq!(memory.held(), 0);
    }

    #[test]
    fn room_doubles_when_it_is_used_up_and_not_before() {
        let memory = Memory::new(Size::kib(64)).unwrap();
        let mut buffer = memory.buffer();
        for (more, held) in [
            (LEAST_BYTES - 1, LEAST_BYTES),
            (1, LEAST_BYTES),
            (1, 2 * LEAST_BYTES),
            (LEAST_BYTES, 4 * LEAST_BYTES),
        ] {
            buffer.extend(&vec![0; more]).unwrap();
            assert_eq!(memory.held(), held);
        }
    }

    #[test]
    fn near_the_limit_a_buffer_asks_for_no_spare_room() {
        let memory = Memory::new(Size(1500)).unwrap();
        let mut buffer = memory.buffer();
        for _ in 0..15 {
            buffer.extend(&[0; 100]).unwrap();
        }
        assert!(buffer.extend(&[0]).is_err());
        assert_eq!((memory.held(), memory.refused().get()), (1500, 1));
    }

    #[test]
    fn no_other_buffer_can_take_the_room_that_one_was_given() {
        let memory = Memory::new(Size(1000)).unwrap();
        let mut buffer = Buffer::new(memory.reserve(600).unwrap());
        let _others = memory.reserve(400).unwrap();
        for _ in 0..6 {
            buffer.extend(&[0; 100]).unwrap();
        }
        assert!(buffer.extend(&[0]).is_err());
        assert_eq!(memory.held(), 1000);
        let mut small = Buffer::new(memory.reserve(0).unwrap());
        assert!(small.extend(&[0]).is_err());
        drop(buffer);
        let mut given = Buffer::new(memory.reserve(600).unwrap());
        given.extend(&[0; 10]).unwrap();
        let bytes = given.into_bytes();
        assert_eq!((bytes.len(), memory.held()), (10, 410), "the room that it did not need is given back");
    }

    proptest! {
        #[test]
        fn allocated_bytes_are_held_and_stay_within_the_limit(
            pieces in prop::collection::vec(0..5000_usize, 1..20),
        ) {
            let memory = Memory::new(Size(20_000)).unwrap();
            let mut buffers = [memory.buffer(), memory.buffer()];
            for (index, piece) in pieces.into_iter().enumerate() {
                let buffer = &mut buffers[index % 2];
                let before = buffer.bytes.len();
                let grown = buffer.extend(&vec![1; piece]).is_ok();
                prop_assert_eq!(buffer.bytes.len(), before + if grown { piece } else { 0 });
                let allocated = buffers.iter().map(|buffer| buffer.bytes.capacity()).sum::<usize>();
                prop_assert_eq!(memory.held(), allocated);
                prop_assert!(allocated <= 20_000);
            }
            let [one, two] = buffers.map(Buffer::into_bytes);
            prop_assert_eq!(memory.held(), one.len() + two.len());
            drop((one, two));
            prop_assert_eq!(memory.held(), 0);
        }
    }
}
