//! The chunked transfer coding up to the last chunk: sizes in hexadecimal, CR LF everywhere; extensions are passed over.

use crate::net::scanner::Fault;

/// Bytes that the extensions of all chunks of a body may have together; hyper's own limit is 16 KiB.
const MOST_EXTENSION_BYTES: u16 = 8 << 10;

/// The coding of one body.
#[derive(Debug, Default)]
pub(super) struct Chunked {
    at: At,
    extension_bytes: u16,
}

/// Where in the coding the next byte is.
#[derive(Debug)]
enum At {
    /// In a size, after this many digits.
    Size {
        digits: u8,
        size: u64,
    },
    /// In white space, which only a `;` may follow.
    Space(u64),
    Extension(u64),
    SizeLf(u64),
    Data(u64),
    DataCr,
    DataLf,
}

impl Default for At {
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
            self.at = match (&self.at, byte) {
                (At::Size { digits, size }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') if *digits < 16 => {
                    let digit = char::from(byte).to_digit(16).unwrap_or_default();
                    At::Size { digits: digits + 1, size: size << 4 | u64::from(digit) }
                }
                (At::Size { digits: 1.., size } | At::Extension(size), b'\r') => At::SizeLf(*size),
                (At::Size { digits: 1.., size } | At::Space(size), b' ' | b'\t') => {
                    self.pass_over(At::Space(*size))?
                }
                (At::Size { digits: 1.., size } | At::Space(size), b';')
                | (At::Extension(size), b'\t' | b' '..=b'~' | 0x80..) => {
                    self.pass_over(At::Extension(*size))?
                }
                (At::SizeLf(0), b'\n') => return Ok((at, true)),
                (At::SizeLf(size), b'\n') => At::Data(*size),
                (At::Data(left), _) => {
                    let rest = bytes.len() - at + 1;
                    let here = usize::try_from(*left).map_or(rest, |left| left.min(rest));
                    at += here - 1;
                    match left - here as u64 {
                        0 => At::DataCr,
                        left => At::Data(left),
                    }
                }
                (At::DataCr, b'\r') => At::DataLf,
                (At::DataLf, b'\n') => At::default(),
                (At::DataCr | At::DataLf, _) => return Err(Fault::ChunkEnd),
                (At::Size { .. } | At::Space(_) | At::Extension(_) | At::SizeLf(_), _) => {
                    return Err(Fault::ChunkSize);
                }
            };
        }
        Ok((at, false))
    }

    fn pass_over(&mut self, next: At) -> Result<At, Fault> {
        self.extension_bytes += 1;
        if self.extension_bytes > MOST_EXTENSION_BYTES { Err(Fault::ChunkExtensions) } else { Ok(next) }
    }
}
