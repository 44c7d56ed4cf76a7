//! The chunked transfer coding up to the last chunk: sizes in hexadecimal, CR LF everywhere, no extensions.

use super::Fault;

/// Where in the coding the next byte is.
#[derive(Debug)]
pub(super) enum Chunked {
    /// In a size, after this many digits.
    Size {
        digits: u8,
        size: u64,
    },
    SizeLf(u64),
    Data(u64),
    DataCr,
    DataLf,
}

impl Default for Chunked {
    fn default() -> Self {
        Self::Size { digits: 0, size: 0 }
    }
}

impl Chunked {
    /// Reads on; returns how many bytes were taken and whether the last chunk was among them: trailers follow.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<(usize, bool), Fault> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            at += 1;
            *self = match (&self, byte) {
                (Self::Size { digits, size }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') if *digits < 16 => {
                    let digit = char::from(byte).to_digit(16).unwrap_or_default();
                    Self::Size { digits: digits + 1, size: size << 4 | u64::from(digit) }
                }
                (Self::Size { digits: 1.., size }, b'\r') => Self::SizeLf(*size),
                (Self::SizeLf(0), b'\n') => return Ok((at, true)),
                (Self::SizeLf(size), b'\n') => Self::Data(*size),
                (Self::Data(left), _) => {
                    let rest = bytes.len() - at + 1;
                    let here = usize::try_from(*left).map_or(rest, |left| left.min(rest));
                    at += here - 1;
                    match left - here as u64 {
                        0 => Self::DataCr,
                        left => Self::Data(left),
                    }
                }
                (Self::DataCr, b'\r') => Self::DataLf,
                (Self::DataLf, b'\n') => Self::default(),
                (Self::Size { .. } | Self::SizeLf(_), _) => return Err(Fault::ChunkSize),
                (Self::DataCr | Self::DataLf, _) => return Err(Fault::ChunkEnd),
            };
        }
        Ok((at, false))
    }
}
