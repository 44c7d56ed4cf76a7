//! What every request is asked for in its headers, gathered in one pass: on a handful of headers that is cheaper than one lookup.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::telemetry::trace_context::TRACEPARENT;

/// Headers that decide what happens to a request before any handler sees it.
#[derive(Default)]
pub struct Head<'a> {
    /// Number of header fields.
    pub count: usize,
    /// Bytes of all names and values.
    pub bytes: usize,
    /// `Content-Length`, when there is a readable one.
    pub content_length: Option<u64>,
    /// `traceparent`, when there is exactly one.
    pub traceparent: Option<&'a [u8]>,
    /// Whether there is an `Accept` to negotiate by.
    pub accept: bool,
}

impl<'a> Head<'a> {
    /// Reads the headers once.
    #[must_use]
    pub fn read(headers: &'a HeaderMap) -> Self {
        let mut head = Self { count: headers.len(), ..Self::default() };
        let mut traceparents = 0;
        for (name, value) in headers {
            head.bytes += name.as_str().len() + value.len();
            if *name == header::ACCEPT {
                head.accept = true;
            } else if *name == header::CONTENT_LENGTH {
                head.content_length = number(value);
            } else if is_traceparent(name) {
                traceparents += 1;
                head.traceparent = Some(value.as_bytes());
            }
        }
        if traceparents != 1 {
            head.traceparent = None;
        }
        head
    }
}

fn is_traceparent(name: &HeaderName) -> bool {
    // lengths differ for almost every other name
    name.as_str().len() == TRACEPARENT.as_str().len() && *name == TRACEPARENT
}

fn number(value: &HeaderValue) -> Option<u64> {
    std::str::from_utf8(value.as_bytes()).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pass_finds_all() {
        let headers = HeaderMap::from_iter([
            (header::ACCEPT, HeaderValue::from_static("*/*")),
            (header::CONTENT_LENGTH, HeaderValue::from_static("12")),
            (TRACEPARENT, HeaderValue::from_static("x")),
        ]);
        let head = Head::read(&headers);
        assert_eq!((head.count, head.bytes), (3, 6 + 3 + 14 + 2 + 11 + 1));
        assert_eq!((head.content_length, head.traceparent, head.accept), (Some(12), Some(&b"x"[..]), true));
    }

    #[test]
    fn a_repeated_traceparent_is_none() {
        let mut headers = HeaderMap::new();
        headers.append(TRACEPARENT, HeaderValue::from_static("x"));
        headers.append(TRACEPARENT, HeaderValue::from_static("x"));
        assert_eq!(Head::read(&headers).traceparent, None);
    }
}
