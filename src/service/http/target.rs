//! The target and the host of a request: the target must have one of the four forms, and the host must be
//! valid and unambiguous (RFC 9112 section 3.2, RFC 9113 section 8.3.1). If a proxy and this service read the
//! host differently, a request may reach the wrong site.

use std::net::Ipv6Addr;

use http::{Method, Request, StatusCode, Uri, Version};

use crate::http::{head::Head, problem::Problem};

/// Checks the form of the target and the host.
///
/// # Errors
/// 400.
pub(super) fn check<B>(request: &Request<B>, head: &Head<'_>) -> Result<(), Problem> {
    let uri = request.uri();
    let wrong = |detail: &str| Err(Problem::new(StatusCode::BAD_REQUEST).detail(detail).close());
    if !has_sound_form(request.method(), uri) {
        return wrong(
            "the request target must be a path that begins with `/`, or an absolute URI; `*` for OPTIONS, \
                HOST:PORT for CONNECT",
        );
    }
    match (head.hosts, head.host) {
        (0, _) if request.version() == Version::HTTP_11 => return wrong("HTTP/1.1 requires a Host header"),
        (2.., _) => return wrong("more than one Host header"),
        (_, Some(host)) if !is_host(host) => return wrong("the Host header must be HOST or HOST:PORT"),
        _ => {}
    }
    let Some(authority) = uri.authority() else { return Ok(()) };
    if !is_host(authority.as_str().as_bytes()) {
        return wrong("the authority of the request target must be HOST or HOST:PORT");
    }
    // in HTTP/1.1 an absolute target replaces the Host header, whatever that says
    match head.host {
        Some(host) if request.version() == Version::HTTP_2 && !same(uri, host) => {
            wrong("the Host header differs from :authority")
        }
        _ => Ok(()),
    }
}

fn has_sound_form(method: &Method, uri: &Uri) -> bool {
    let path = uri.path();
    match *method {
        Method::CONNECT => path.is_empty() && uri.authority().is_some(),
        Method::OPTIONS if path == "*" => true,
        _ => path.starts_with('/'),
    }
}

/// The characters that the name of a host may contain unescaped: `unreserved` and `sub-delims` of RFC 3986.
const NAME: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=";

/// The same, by byte.
static IN_NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut at = 0;
    while at < NAME.len() {
        table[NAME[at] as usize] = true;
        at += 1;
    }
    table
};

fn is_name(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| IN_NAME[usize::from(*byte)])
}

/// Whether it is `uri-host [ ":" port ]`, or empty.
fn is_host(value: &[u8]) -> bool {
    let host = match value.iter().rposition(|byte| !byte.is_ascii_digit()) {
        Some(colon) if value[colon] == b':' => &value[..colon],
        _ => value,
    };
    (is_name(host) && host.is_empty() == value.is_empty()) || is_rare_host(host)
}

/// An IPv6 address, or a name with escapes.
#[cold]
fn is_rare_host(host: &[u8]) -> bool {
    if let [b'[', address @ .., b']'] = host {
        return str::from_utf8(address).is_ok_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    let mut parts = host.split(|byte| *byte == b'%');
    let escaped =
        |part: &[u8]| part.len() >= 2 && part[..2].iter().all(u8::is_ascii_hexdigit) && is_name(part);
    host.contains(&b'%') && parts.next().is_some_and(is_name) && parts.all(escaped)
}

/// Whether a Host header names the authority of the target. Case is ignored, and the default port of the
/// scheme equals no port.
fn same(uri: &Uri, host: &[u8]) -> bool {
    let port: &[u8] = if uri.scheme_str() == Some("https") { b":443" } else { b":80" };
    let name = |host: &[u8]| {
        let host = host.to_ascii_lowercase();
        let explicit = host.strip_suffix(port).or_else(|| host.strip_suffix(b":"));
        explicit.unwrap_or(&host).to_vec()
    };
    uri.authority().is_some_and(|authority| name(authority.as_str().as_bytes()) == name(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for sound in [
            "",
            "a",
            "a:80",
            "a:",
            "127.0.0.1:8080",
            "example.org",
            "xn--bcher-kva.example",
            "my_service.default.svc:8080",
            "[::1]",
            "[2001:db8::1]:8080",
            "[::ffff:127.0.0.1]:1",
            "a%2db",
            "0:0",
        ] {
            assert!(is_host(sound.as_bytes()), "{sound}");
        }
        for wrong in [
            &b"a b"[..],
            b"a, b",
            b"a/b@c",
            b"a@b",
            b"user:secret@a",
            b"a/",
            b"http://a",
            b":80",
            b"a:b",
            b"a:80:80",
            b"a:-1",
            b"::1",
            b"[::1",
            b"[]",
            b"[::1]a",
            b"[::1%25eth0]",
            b"[a]:80",
            b"a%2",
            b"a%zz",
            b"a?b",
            b"a#b",
            b"a\\b",
            b"\"a\"",
            b"b\xfccher.example",
            b"a\x7f",
            b"a\tb",
        ] {
            assert!(!is_host(wrong), "{}", wrong.escape_ascii());
        }
    }

    #[test]
    fn case_and_the_default_port_make_no_difference() {
        for (uri, host, same_) in [
            ("http://a.example/", "A.Example", true),
            ("http://a:80/", "a", true),
            ("http://a/", "a:80", true),
            ("https://a/", "a:443", true),
            ("http://a/", "a:443", false),
            ("http://a/", "b", false),
            ("http://a:8080/", "a", false),
        ] {
            assert_eq!(same(&uri.parse().unwrap(), host.as_bytes()), same_, "{uri} {host}");
        }
    }
}
