//! A strict reader of HTTP/1 framing, over the bytes as they pass: where each request begins and ends, and whether everyone on the
//! way would agree. Whatever two implementations read differently (request smuggling) is a [`Fault`]. Names, values and targets
//! are left to hyper's parser behind it, which reads every head again; nothing is copied unless a line is split between reads.

mod chunked;
mod fault;
mod head;
mod line;
#[cfg(test)]
mod tests;

use chunked::Chunked;
pub use fault::Fault;
use head::{Framing, Head};
use line::Lines;

/// Reads one connection's bytes.
#[derive(Debug)]
pub struct Scanner {
    state: State,
    head: Head,
    lines: Lines,
    heads: u32,
    refused: Option<Fault>,
}

#[derive(Debug)]
enum State {
    Head,
    /// Bytes of the body still to come.
    Body(u64),
    Chunked(Chunked),
    Trailers,
}

/// Where the bytes went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What is wrong.
    pub fault: Fault,
    /// Index in the scanned bytes at which the request at fault begins; none when it began in earlier bytes.
    pub begins: Option<usize>,
    /// Requests before the one at fault.
    pub before: u32,
    /// Whether its head was complete in earlier bytes, which somebody has by now: it is for them to answer, and its body ends early.
    pub passed_on: bool,
}

impl Scanner {
    /// At the beginning of a connection; heads and trailers may be this long.
    #[must_use]
    pub fn new(head_bytes: usize) -> Self {
        Self {
            state: State::Head,
            head: Head::default(),
            lines: Lines::new(head_bytes),
            heads: 0,
            refused: None,
        }
    }

    /// Heads that are complete.
    #[must_use]
    pub fn heads(&self) -> u32 {
        self.heads
    }

    /// Whether a head has begun and is not complete.
    #[must_use]
    pub fn head_pending(&self) -> bool {
        matches!(self.state, State::Head) && (self.head.begun() || self.lines.in_line())
    }

    /// Whether all requests so far are complete, bodies included.
    #[must_use]
    pub fn between_requests(&self) -> bool {
        matches!(self.state, State::Head) && !self.head_pending()
    }

    /// Reads the next bytes, and changes a minor version that the parser behind does not know.
    ///
    /// # Errors
    /// The first fault. Nothing after it can be told, so the scanner stays there.
    pub fn scan(&mut self, bytes: &mut [u8]) -> Result<(), Refused> {
        let mut begins = self.between_requests().then_some(0);
        let passed_on = !matches!(self.state, State::Head);
        let mut at = 0;
        while at < bytes.len() || self.refused.is_some() {
            let step = match self.refused {
                Some(fault) => Err(fault),
                None => self.step(&mut bytes[at..]),
            };
            match step {
                Ok(read) => at += read,
                Err(fault) => {
                    self.refused = Some(fault);
                    let before = self.heads - u32::from(!matches!(self.state, State::Head));
                    return Err(Refused { fault, begins, before, passed_on: passed_on && begins.is_none() });
                }
            }
            if self.between_requests() {
                begins = Some(at);
            }
        }
        Ok(())
    }

    /// Reads on in the present state; returns how many bytes it took, at least one.
    fn step(&mut self, bytes: &mut [u8]) -> Result<usize, Fault> {
        match &mut self.state {
            State::Head => {
                let head = &mut self.head;
                let (read, ended) = self.lines.read(bytes, |line| head.line(line)).map_err(|fault| {
                    if fault == Fault::HeadTooLarge && !head.begun() { Fault::TargetTooLong } else { fault }
                })?;
                if !head.begun() && self.lines.in_line() {
                    // the parser behind judges a version as soon as it is there
                    let part = self.lines.part();
                    head::downgrade(part);
                    let here = part.len().min(bytes.len());
                    let (begin, part) = (bytes.len() - here, part.len() - here);
                    bytes[begin..].copy_from_slice(&self.lines.part()[part..]);
                }
                if ended {
                    let framing = std::mem::take(&mut self.head).framing()?;
                    self.heads += 1;
                    self.state = match framing {
                        Framing::Length(0) => State::Head,
                        Framing::Length(length) => State::Body(length),
                        Framing::Chunked => State::Chunked(Chunked::default()),
                    };
                }
                Ok(read)
            }
            State::Body(left) => {
                let here = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= here as u64;
                if *left == 0 {
                    self.state = State::Head;
                }
                Ok(here)
            }
            State::Chunked(chunked) => {
                let (read, ended) = chunked.read(bytes)?;
                if ended {
                    self.state = State::Trailers;
                }
                Ok(read)
            }
            State::Trailers => {
                let (read, ended) = self.lines.read(bytes, head::trailer)?;
                if ended {
                    self.state = State::Head;
                }
                Ok(read)
            }
        }
    }
}

/// How many requests are complete in the stream that these pieces make up, and its first fault: the whole scanner in one call.
#[must_use]
pub fn verdict<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, head_bytes: usize) -> (u32, Option<Fault>) {
    let mut scanner = Scanner::new(head_bytes);
    for piece in pieces {
        if let Err(refused) = scanner.scan(&mut piece.to_vec()) {
            return (refused.before, Some(refused.fault));
        }
    }
    (scanner.heads(), None)
}
