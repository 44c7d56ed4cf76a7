//! A request head, line by line: only what decides where the request ends.

use memchr::memchr2;

use crate::net::scanner::Fault;

/// What the lines so far have said.
#[derive(Debug, Default)]
pub(super) struct Head {
    version: Option<Version>,
    length: Option<u64>,
    chunked: bool,
    /// Another coding under `chunked`.
    coded: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Http10,
    Http11,
}

/// How the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Length(u64),
    Chunked,
}

/// The headers that matter.
enum Name {
    ContentLength,
    TransferEncoding,
    Other,
}

impl Head {
    /// Whether the request line has been read.
    pub(super) fn begun(&self) -> bool {
        self.version.is_some()
    }

    /// Takes a line; returns whether it ended the head.
    ///
    /// A minor version of HTTP/1 that is still to come is rewritten in place to the last one that we, and the parser behind, know:
    /// that is how RFC 9110 section 2.5 wants it read.
    pub(super) fn line(&mut self, line: &mut [u8]) -> Result<bool, Fault> {
        let Some(version) = self.version else {
            // RFC 9112 section 2.2: empty lines before a request are passed over
            if !line.is_empty() {
                self.version = Some(request_line(line)?);
            }
            return Ok(false);
        };
        if line.is_empty() {
            return Ok(true);
        }
        let (name, value) = field(line)?;
        match name {
            Name::Other => {}
            Name::ContentLength if self.length.is_some() => return Err(Fault::RepeatedContentLength),
            Name::ContentLength => self.length = Some(number(value)?),
            Name::TransferEncoding if version == Version::Http10 => return Err(Fault::EncodingInHttp10),
            Name::TransferEncoding => self.codings(value)?,
        }
        Ok(false)
    }

    fn codings(&mut self, value: &[u8]) -> Result<(), Fault> {
        for coding in value.split(|byte| *byte == b',').map(trim) {
            if self.chunked || coding.is_empty() {
                return Err(Fault::TransferEncoding);
            }
            let chunked = coding.eq_ignore_ascii_case(b"chunked");
            self.chunked = chunked;
            self.coded |= !chunked;
        }
        Ok(())
    }

    /// How the body of the complete head ends.
    pub(super) fn framing(self) -> Result<Framing, Fault> {
        match self {
            Self { length: Some(_), chunked, coded, .. } if chunked || coded => Err(Fault::LengthAndEncoding),
            Self { coded: true, chunked: false, .. } => Err(Fault::TransferEncoding),
            Self { coded: true, .. } => Err(Fault::UnknownEncoding),
            Self { chunked: true, .. } => Ok(Framing::Chunked),
            Self { length, .. } => Ok(Framing::Length(length.unwrap_or(0))),
        }
    }
}

/// Takes a line of the trailers; returns whether it ended them.
pub(super) fn trailer(line: &mut [u8]) -> Result<bool, Fault> {
    if line.is_empty() {
        return Ok(true);
    }
    match field(line)?.0 {
        Name::Other => Ok(false),
        _ => Err(Fault::Trailer),
    }
}

fn request_line(line: &mut [u8]) -> Result<Version, Fault> {
    downgrade(line);
    let (request, version) = match line.split_last_chunk::<9>() {
        Some((request, b" HTTP/1.1")) => (request, Version::Http11),
        Some((request, b" HTTP/1.0")) => (request, Version::Http10),
        Some((_, [b' ', b'H', b'T', b'T', b'P', b'/', b'0' | b'2'..=b'9', b'.', b'0'..=b'9'])) => {
            return Err(Fault::Version);
        }
        _ => return Err(Fault::RequestLine),
    };
    let sound = memchr2(b' ', b'\t', request).is_some_and(|space| {
        let target = &request[space + 1..];
        space > 0 && request[space] == b' ' && !target.is_empty() && memchr2(b' ', b'\t', target).is_none()
    });
    if sound { Ok(version) } else { Err(Fault::RequestLine) }
}

/// Makes 1.1 of a later HTTP/1 at the end of a request line, or of what there is of it.
pub(super) fn downgrade(line: &mut [u8]) {
    let line = if let [line @ .., b'\r'] = line { line } else { line };
    if let [.., b' ', b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ b'2'..=b'9'] = line {
        *minor = b'1';
    }
}

fn field(line: &[u8]) -> Result<(Name, &[u8]), Fault> {
    let (name, known) = match line[0] {
        b'c' | b'C' => (&b"content-length"[..], Name::ContentLength),
        b't' | b'T' => (&b"transfer-encoding"[..], Name::TransferEncoding),
        b' ' | b'\t' => return Err(Fault::ObsFold),
        _ => return Ok((Name::Other, line)),
    };
    match line.split_at_checked(name.len()) {
        Some((begin, [b':', value @ ..])) if begin.eq_ignore_ascii_case(name) => Ok((known, trim(value))),
        Some((begin, [b' ' | b'\t', ..])) if begin.eq_ignore_ascii_case(name) => Err(Fault::SpaceBeforeColon),
        _ => Ok((Name::Other, line)),
    }
}

/// Without the optional white space around a value.
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

fn number(digits: &[u8]) -> Result<u64, Fault> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Fault::ContentLength);
    }
    let number: Option<u64> = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    // the very largest mean something else to hyper
    number.filter(|number| *number < u64::MAX / 2).ok_or(Fault::ContentTooLarge)
}
