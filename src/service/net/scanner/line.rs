//! Lines of a head: each ends in CR LF, and holds no other CR, LF or NUL.

use memchr::memchr3;

use crate::net::scanner::Fault;

/// Cuts bytes into lines, up to and with an empty one.
#[derive(Debug)]
pub(super) struct Lines {
    /// Bytes that all lines may have together.
    limit: usize,
    /// Bytes of the lines so far.
    used: usize,
    /// The beginning of a line whose end has not come yet.
    part: Vec<u8>,
}

impl Lines {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, used: 0, part: Vec::new() }
    }

    /// Whether a line has begun and has not ended.
    pub(super) fn in_line(&self) -> bool {
        !self.part.is_empty()
    }

    /// What has come of a line that has not ended.
    pub(super) fn part(&mut self) -> &mut [u8] {
        &mut self.part
    }

    /// Gives each whole line, without its end, to `take`, which says whether it was the last. Returns how many bytes were taken, and
    /// whether the last line was among them. What `take` changes is changed in the bytes, as far as they are there.
    pub(super) fn read(
        &mut self,
        bytes: &mut [u8],
        mut take: impl FnMut(&mut [u8]) -> Result<bool, Fault>,
    ) -> Result<(usize, bool), Fault> {
        let mut at = 0;
        if self.in_line() {
            let Some(read) = self.join(bytes)? else { return Ok((bytes.len(), false)) };
            at = read;
            let mut part = std::mem::take(&mut self.part);
            let whole = part.len();
            let last = take(&mut part[..whole - 2])?;
            bytes[..read].copy_from_slice(&part[whole - read..]);
            if last {
                self.used = 0;
                return Ok((at, true));
            }
        }
        while at < bytes.len() {
            let rest = &mut bytes[at..];
            let Some(length) = end(rest, self.limit - self.used)? else {
                self.part.extend_from_slice(rest);
                return Ok((bytes.len(), false));
            };
            self.used += length;
            at += length;
            if take(&mut rest[..length - 2])? {
                self.used = 0;
                return Ok((at, true));
            }
        }
        Ok((at, false))
    }

    /// Completes the line in `part`; returns how many bytes that took, or `None` when its end is still to come.
    fn join(&mut self, bytes: &[u8]) -> Result<Option<usize>, Fault> {
        let had = self.part.len();
        // a CR that ended the last read is looked at again, together with what follows
        let again = usize::from(self.part.ends_with(b"\r"));
        let taken = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |lf| lf + 1);
        self.part.extend_from_slice(&bytes[..taken]);
        let skip = had - again;
        let length = end(&self.part[skip..], (self.limit - self.used).saturating_sub(skip))?;
        Ok(length.map(|length| {
            self.used += skip + length;
            taken
        }))
    }
}

/// The length of the first line with its end, or `None` when the end is not there yet.
fn end(bytes: &[u8], limit: usize) -> Result<Option<usize>, Fault> {
    let within = &bytes[..bytes.len().min(limit)];
    match memchr3(b'\r', b'\n', 0, within).map(|at| (at, within[at], within.get(at + 1))) {
        Some((_, b'\n', _)) => Err(Fault::BareLf),
        Some((_, 0, _)) => Err(Fault::Nul),
        Some((at, _, Some(b'\n'))) => Ok(Some(at + 2)),
        Some((_, _, Some(_))) => Err(Fault::BareCr),
        Some((_, _, None)) | None if within.len() == limit => Err(Fault::HeadTooLarge),
        Some((_, _, None)) | None => Ok(None),
    }
}
