//! The facts about a request that every request needs from its headers, gathered in one pass. With the few
//! headers that a request has, this pass is cheaper than one lookup.

use http::{HeaderName, HeaderValue, Request, Version, header};

use crate::telemetry::trace_context::TRACEPARENT;

/// Facts from the headers that decide what happens to a request before a handler gets it.
#[derive(Default)]
pub(super) struct Head<'a> {
    /// Number of header fields. `:authority` of HTTP/2 counts as one, like the `Host` that it replaces.
    pub count: usize,
    /// Bytes of all names and values.
    pub bytes: usize,
    /// Number of `Host` fields.
    pub hosts: usize,
    /// The last of them.
    pub host: Option<&'a [u8]>,
    /// `Content-Length`, if it is a number.
    pub content_length: Option<u64>,
    /// Whether there is a `Transfer-Encoding` other than one `chunked`.
    pub coded: bool,
    /// `traceparent`, when there is exactly one.
    pub traceparent: Option<&'a [u8]>,
    /// Whether there is an `Accept` header.
    pub accept: bool,
}

impl<'a> Head<'a> {
    /// Reads the headers once.
    #[must_use]
    pub(super) fn read<B>(request: &'a Request<B>) -> Self {
        let headers = request.headers();
        let mut head = Self { count: headers.len(), ..Self::default() };
        let mut traceparents = 0;
        let mut codings = 0;
        for (name, value) in headers {
            head.bytes += name.as_str().len() + value.len();
            if *name == header::HOST {
                head.hosts += 1;
                head.host = Some(value.as_bytes());
            } else if *name == header::ACCEPT {
                head.accept = true;
            } else if *name == header::CONTENT_LENGTH {
                head.content_length = number(value);
            } else if *name == header::TRANSFER_ENCODING {
                codings += 1;
                head.coded = codings > 1 || !value.as_bytes().eq_ignore_ascii_case(b"chunked");
            } else if is_traceparent(name) {
                traceparents += 1;
                head.traceparent = Some(value.as_bytes());
            }
        }
        if traceparents != 1 {
            head.traceparent = None;
        }
        if request.version() == Version::HTTP_2
            && head.hosts == 0
            && let Some(authority) = request.uri().authority()
        {
            head.count += 1;
            head.bytes += header::HOST.as_str().len() + authority.as_str().len();
        }
        head
    }
}

fn is_traceparent(name: &HeaderName) -> bool {
    // the length alone rules out almost every other name
    name.as_str().len() == TRACEPARENT.as_str().len() && *name == TRACEPARENT
}

fn number(value: &HeaderValue) -> Option<u64> {
    std::str::from_utf8(value.as_bytes()).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(version: Version, fields: &[(HeaderName, &'static str)]) -> Request<()> {
        let builder = Request::builder().version(version).uri("http://uecho/");
        fields.iter().fold(builder, |builder, (name, value)| builder.header(name, *value)).body(()).unwrap()
    }

    #[test]
    fn one_pass_finds_every_fact() {
        let fields = [
            (header::HOST, "uecho"),
            (header::ACCEPT, "*/*"),
            (header::CONTENT_LENGTH, "12"),
            (TRACEPARENT, "x"),
        ];
        let request = request(Version::HTTP_11, &fields);
        let head = Head::read(&request);
        assert_eq!((head.count, head.bytes), (4, 4 + 5 + 6 + 3 + 14 + 2 + 11 + 1));
        assert_eq!((head.hosts, head.host), (1, Some(&b"uecho"[..])));
        assert_eq!((head.content_length, head.traceparent, head.accept), (Some(12), Some(&b"x"[..]), true));
    }

    #[test]
    fn an_authority_counts_like_the_host_header_it_replaces() {
        let size = |version, fields: &[_]| {
            let request = request(version, fields);
            let head = Head::read(&request);
            (head.count, head.bytes)
        };
        let host = [(header::HOST, "uecho")];
        assert_eq!(size(Version::HTTP_2, &[]), size(Version::HTTP_11, &host));
        assert_eq!(size(Version::HTTP_2, &host), size(Version::HTTP_11, &host));
    }

    #[test]
    fn chunked_once_is_the_only_transfer_coding() {
        for (values, coded) in [
            (&[][..], false),
            (&["Chunked"], false),
            (&["gzip, chunked"], true),
            (&["gzip", "chunked"], true),
            (&["chunked", "chunked"], true),
            (&["chunked, chunked"], true),
            (&[", chunked"], true),
        ] {
            let fields = values.iter().map(|value| (header::TRANSFER_ENCODING, *value)).collect::<Vec<_>>();
            assert_eq!(Head::read(&request(Version::HTTP_11, &fields)).coded, coded, "{values:?}");
        }
    }

    #[test]
    fn a_repeated_traceparent_is_none() {
        let request = request(Version::HTTP_11, &[(TRACEPARENT, "x"), (TRACEPARENT, "x")]);
        assert_eq!(Head::read(&request).traceparent, None);
    }
}
