//! `uecho probe` with services that answer wrongly: it finds each error and names it.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use crate::{
    probe::{healthy, unhealthy},
    support::{Uecho, peer::Peer},
};

/// A proxy of a real service that changes its answers.
fn tampering(uecho: &Uecho, change: impl Fn(String) -> String + Send + Sync + 'static) -> Peer {
    let address = uecho.public;
    Peer::new(move |head, stream| {
        let mut upstream = TcpStream::connect(address).unwrap();
        let accept = head.header("accept").unwrap();
        write!(upstream, "{}\r\nHost: a\r\nConnection: close\r\nAccept: {accept}\r\n\r\n", head.line)
            .unwrap();
        let mut answer = String::new();
        upstream.read_to_string(&mut answer).unwrap();
        let changed = change(answer);
        let _ = stream.write_all(changed.as_bytes());
        false
    })
}

#[test]
fn a_proxy_that_changes_nothing_is_healthy() {
    let uecho = Uecho::with("");
    let peer = tampering(&uecho, |answer| answer);
    healthy(&["--url", &format!("http://{}", peer.address)]);
}

/// Changes only the body, and the length with it.
fn body(answer: &str, change: impl Fn(&str) -> String) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let changed = change(body);
    let head = head
        .replace(&format!("content-length: {}", body.len()), &format!("content-length: {}", changed.len()));
    format!("{head}\r\n\r\n{changed}")
}

#[test]
fn a_service_that_answers_wrongly_is_unhealthy() {
    type Change = fn(String) -> String;
    let uecho = Uecho::with("");
    let cases: [(&str, Change, &str); 9] = [
        (
            "does not escape",
            |answer| body(&answer, |body| body.replace("&lt;", "<").replace("&gt;", ">")),
            "page: the body differs",
        ),
        (
            "escapes twice",
            |answer| body(&answer, |body| body.replace("&quot;", "&amp;quot;")),
            "page: the body differs",
        ),
        (
            "adds to the page",
            |answer| body(&answer, |body| body.replace("</html>", "</html>\n")),
            "page: the body differs",
        ),
        (
            "other JSON",
            |answer| body(&answer, |body| body.replace("\"message\"", "\"massage\"")),
            "json: the body differs",
        ),
        (
            "no policy",
            |answer| answer.replace("content-security-policy", "x-content-policy"),
            "readyz: header content-security-policy is missing",
        ),
        (
            "no receipt",
            |answer| answer.replace("x-uecho-receipt: version", "x-uecho-receipt: variant"),
            "readyz: header x-uecho-receipt is",
        ),
        (
            "repeated header",
            |answer| answer.replace("referrer-policy:", "referrer-policy: no-referrer\r\nreferrer-policy:"),
            "readyz: header referrer-policy is repeated",
        ),
        (
            "server error",
            |answer| answer.replace("200 OK", "500 Internal Server Error"),
            "readyz: status is 500",
        ),
        (
            "says it is not ready",
            |answer| body(&answer, |body| body.replace("{\"ready\":true}", "{\"ready\":false}")),
            "readyz: the body differs",
        ),
    ];
    for (name, change, expected) in cases {
        let peer = tampering(&uecho, change);
        let line = unhealthy(&["--url", &format!("http://{}", peer.address)]);
        assert!(line.contains(expected), "{name}: {line}");
    }
}

#[test]
fn garbage_floods_and_broken_answers_are_unhealthy() {
    let flood = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned()
        + &format!("ffff\r\n{}\r\n", "a".repeat(0xffff)).repeat(8);
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort".to_owned();
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "a".repeat(1 << 20));
    for (name, bytes, expected) in [
        ("garbage", "SSH-2.0-OpenSSH_9.2\r\n".to_owned(), "not HTTP"),
        (
            "control characters",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nReferrer-Policy: x\r\n\r\n{}".into(),
            "missing",
        ),
        ("endless header", endless, "readyz: "),
        ("endless body", flood, "larger than"),
        ("cut short", short, "broke off"),
        ("nothing", String::new(), "no answer"),
    ] {
        let peer = Peer::raw(bytes);
        let line = unhealthy(&["--url", &format!("http://{}", peer.address)]);
        assert!(line.contains(expected), "{name}: {line}");
    }
}
