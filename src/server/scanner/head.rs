//! A request head, line by line: only what decides where the request ends.

use memchr::memchr2;

use super::Fault;

/// What the lines so far have said.
#[derive(Debug, Default)]
pub(super) struct Head {
    version: Option<Version>,
    length: Option<u64>,
    chunked: bool,
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
    pub(super) fn line(&mut self, line: &[u8]) -> Result<bool, Fault> {
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
            Name::TransferEncoding if self.chunked || !value.eq_ignore_ascii_case(b"chunked") => {
                return Err(Fault::TransferEncoding);
            }
            Name::TransferEncoding => self.chunked = true,
        }
        Ok(false)
    }

    /// How the body of the complete head ends.
    pub(super) fn framing(self) -> Result<Framing, Fault> {
        match self {
            Self { length: Some(_), chunked: true, .. } => Err(Fault::LengthAndEncoding),
            Self { chunked: true, .. } => Ok(Framing::Chunked),
            Self { length, .. } => Ok(Framing::Length(length.unwrap_or(0))),
        }
    }
}

/// Takes a line of the trailers; returns whether it ended them.
pub(super) fn trailer(line: &[u8]) -> Result<bool, Fault> {
    if line.is_empty() {
        return Ok(true);
    }
    match field(line)?.0 {
        Name::Other => Ok(false),
        _ => Err(Fault::Trailer),
    }
}

fn request_line(line: &[u8]) -> Result<Version, Fault> {
    let (request, version) = match line.split_last_chunk::<9>() {
        Some((request, b" HTTP/1.1")) => (request, Version::Http11),
        Some((request, b" HTTP/1.0")) => (request, Version::Http10),
        _ => return Err(Fault::RequestLine),
    };
    let sound = memchr2(b' ', b'\t', request).is_some_and(|space| {
        let target = &request[space + 1..];
        space > 0 && request[space] == b' ' && !target.is_empty() && memchr2(b' ', b'\t', target).is_none()
    });
    if sound { Ok(version) } else { Err(Fault::RequestLine) }
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
    let sound = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits)
        .ok()
        .filter(|_| sound)
        .and_then(|digits| digits.parse().ok())
        .ok_or(Fault::ContentLength)
}
