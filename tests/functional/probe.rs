//! `uecho probe`: which services it calls healthy, which not, and how it reports that.

use std::{
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
pub fn healthy(args: &[&str]) -> String {
    let output = probe(args);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), stderr.as_str()), (Some(0), ""));
    String::from_utf8(output.stdout).unwrap()
}

/// The only line, which says why the service is not healthy.
#[track_caller]
pub fn unhealthy(args: &[&str]) -> String {
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
fn a_healthy_service_is_reported_in_a_line_or_as_json() {
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
fn without_a_url_the_probe_asks_the_configured_address() {
    let uecho = Uecho::with("");
    let directory = tempdir().unwrap();
    let file = directory.path().join("uecho.toml");
    // an unspecified address is reached over loopback
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
fn an_unexpected_build_or_system_is_named() {
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

#[test]
fn an_unreachable_or_silent_service_is_reported_within_the_timeout() {
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

#[test]
fn each_verdict_is_written_for_the_textfile_collector() {
    let uecho = Uecho::with("");
    let directory = tempdir().unwrap();
    let file = directory.path().join("probe.prom");
    let path = file.to_str().unwrap();
    let has = |line: &str| std::fs::read_to_string(&file).unwrap().lines().any(|other| other == line);
    healthy(&["--url", &url(&uecho), "--textfile", path]);
    assert!(has(&format!("uecho_probe_success{{target=\"{}\"}} 1", url(&uecho))));
    let closed = format!("http://{}", listener().local_addr().unwrap());
    unhealthy(&["--url", &closed, "--textfile", path]);
    assert!(has(&format!("uecho_probe_success{{target=\"{closed}\"}} 0")));

    // the verdict is told all the same
    let output = probe(&["--url", &closed, "--textfile", "/nonexistent/probe.prom"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(73), "{stderr}");
    assert!(stderr.contains("unhealthy: ") && stderr.contains("/nonexistent/probe.prom"), "{stderr}");
}
