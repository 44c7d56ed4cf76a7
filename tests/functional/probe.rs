//! `uecho probe`: what it calls healthy, what it does not, and how it says so.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::{Command, Output},
    time::{Duration, Instant},
};

use rustix::process::Signal;
use tempfile::tempdir;

use crate::support::{Builder, Uecho, listener, peer::Peer};

fn probe(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_uecho"));
    command.env_clear().env("UECHO_CONFIG", "").arg("probe").args(args).output().unwrap()
}

#[track_caller]
fn healthy(args: &[&str]) -> String {
    let output = probe(args);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), stderr.as_str()), (Some(0), ""));
    String::from_utf8(output.stdout).unwrap()
}

/// The one line that says why not.
#[track_caller]
fn unhealthy(args: &[&str]) -> String {
    let output = probe(args);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.starts_with("unhealthy: "), "{stderr}");
    stderr.trim_end().to_owned()
}

fn url(uecho: &Uecho) -> String {
    format!("http://{}", uecho.public)
}

#[test]
fn a_healthy_service_is_told_in_a_line_or_as_json() {
    let uecho = Uecho::with("instance = 'node-7'\nsystem = 'generation-3'");
    let url = url(&uecho);
    let line = healthy(&["--url", &url]);
    assert!(
        line.starts_with(&format!("healthy: {url} in ")) && line.contains("; instance=node-7; "),
        "{line}"
    );
    let version = env!("CARGO_PKG_VERSION");
    let expected =
        ["--expect-version", version, "--expect-revision", "unknown", "--expect-system", "generation-3"];
    let args = [&["--url", &url, "--json", "--count", "3", "--interval", "10ms"][..], &expected].concat();
    let lines: Vec<serde_json::Value> =
        healthy(&args).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    for line in &lines {
        assert_eq!((&line["healthy"], &line["target"]), (&true.into(), &url.as_str().into()));
        assert_eq!(line["receipt"]["system"], "generation-3");
        assert!(line["text"].as_str().unwrap().contains("<b>"));
        let steps: Vec<_> =
            line["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
        assert_eq!(steps, ["readyz", "page", "json"]);
        assert!(line["seconds"].as_f64().unwrap() > 0.0);
    }
    assert_ne!(lines[0]["text"], lines[1]["text"], "another text each time");
}

#[test]
fn without_a_url_it_asks_what_the_configuration_names() {
    let uecho = Uecho::with("");
    let directory = tempdir().unwrap();
    let file = directory.path().join("uecho.toml");
    // a wildcard is reached over loopback
    std::fs::write(&file, format!("public.listen = '0.0.0.0:{}'", uecho.public.port())).unwrap();
    let line = healthy(&["--config", file.to_str().unwrap()]);
    assert!(line.starts_with(&format!("healthy: {} in ", url(&uecho))), "{line}");
    std::fs::write(&file, "public.listen = '127.0.0.1:0'").unwrap();
    assert_eq!(
        probe(&["--config", file.to_str().unwrap()]).status.code(),
        Some(2),
        "only the kernel knows the port"
    );
    std::fs::write(&file, "[").unwrap();
    assert_eq!(probe(&["--config", file.to_str().unwrap()]).status.code(), Some(78));
}

#[test]
fn a_unix_socket_is_asked_too() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("public.sock");
    let config = format!("public.listen = 'unix:{}'\nops.listen = '127.0.0.1:0'", path.display());
    let uecho = Builder::new().config(&config).no_sockets().start();
    let line = healthy(&["--url", &format!("unix:{}", path.display())]);
    assert!(line.starts_with("healthy: unix:/"), "{line}");
    let file = uecho.config_file();
    assert!(healthy(&["--config", file.to_str().unwrap()]).contains("public.sock"));
}

#[test]
fn another_build_or_system_than_expected_is_named() {
    let uecho = Uecho::with("system = 'generation-3'");
    let url = url(&uecho);
    for (option, key, actual) in [
        ("--expect-version", "version", env!("CARGO_PKG_VERSION")),
        ("--expect-revision", "revision", "unknown"),
        ("--expect-system", "system", "generation-3"),
    ] {
        let line = unhealthy(&["--url", &url, option, "other"]);
        assert_eq!(line, format!("unhealthy: {url}: readyz: {key} is `{actual}`, expected `other`"));
    }
}

#[test]
fn a_service_that_drains_is_not_healthy() {
    let mut uecho = Uecho::with("drain.delay = '1h'");
    let url = url(&uecho);
    uecho.signal(Signal::TERM);
    assert!(uecho.notify.wait_for("STOPPING=1"));
    assert_eq!(unhealthy(&["--url", &url]), format!("unhealthy: {url}: readyz: not ready: draining"));
    let output = probe(&["--url", &url, "--json"]);
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&line["healthy"], &line["step"], &line["fault"]),
        (&false.into(), &"readyz".into(), &"not_ready".into())
    );
    assert_eq!(line["reasons"], serde_json::json!(["draining"]));
    uecho.signal(Signal::TERM);
    uecho.wait_exit();
}

/// Stands before a real service and changes what comes back.
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

/// Changes the body only, and the length with it.
fn body(answer: &str, change: impl Fn(&str) -> String) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let changed = change(body);
    let head = head
        .replace(&format!("content-length: {}", body.len()), &format!("content-length: {}", changed.len()));
    format!("{head}\r\n\r\n{changed}")
}

#[test]
fn a_service_that_answers_wrong_is_found_out() {
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
fn garbage_floods_and_broken_answers_are_found_out() {
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

#[test]
fn nobody_there_and_nobody_answering_are_told_within_the_timeout() {
    let closed = listener().local_addr().unwrap();
    let line = unhealthy(&["--url", &format!("http://{closed}")]);
    assert!(line.contains("Connection refused"), "{line}");
    assert!(unhealthy(&["--url", "unix:/nonexistent/a.sock"]).contains("No such file"));
    assert!(unhealthy(&["--url", "http://name.invalid"]).contains("name lookup failed"));

    let silent = listener();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let begin = Instant::now();
    let line = unhealthy(&["--url", &url, "--timeout", "300ms"]);
    assert_eq!(line, format!("unhealthy: {url}: readyz: no answer within 0.3 s"));
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

#[test]
fn the_first_unhealthy_check_ends_the_run() {
    let peer = Peer::raw("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n");
    unhealthy(&["--url", &format!("http://{}", peer.address), "--count", "5", "--interval", "1h"]);
}
