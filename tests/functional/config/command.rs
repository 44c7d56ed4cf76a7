//! `uecho check-config` and the service as processes: output, exit codes, and a real environment.

use std::process::{Command, Output};

use super::Sources;
use crate::support::Builder;

fn check_config(sources: &Sources) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_uecho"));
    command.env_clear().envs(&sources.surroundings.variables).arg("check-config");
    for file in &sources.files {
        command.arg("--config").arg(file);
    }
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn check_config_prints_every_value_with_its_source() {
    let sources = Sources::new()
        .file("system = \"26.05\"\n[limits]\nheaders = 7\n")
        .variable("UECHO_MESSAGE", "42")
        .variable("UECHO_FANOUT__TOKEN", "canary")
        .credential("api.token", "canary\n");
    let output = check_config(&sources);
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let file = sources.path("0.toml").display().to_string();
    for line in [
        "message = \"42\"  # environment variable UECHO_MESSAGE",
        &format!("system = \"26.05\"  # {file}:1"),
        &format!("headers = 7  # {file}:3"),
        "token = \"[redacted]\"  # credential api.token",
        "token = \"[redacted]\"  # environment variable UECHO_FANOUT__TOKEN",
        "header_bytes = \"16KiB\"  # default",
        "# endpoint is not set",
    ] {
        assert!(stdout.lines().any(|other| other == line), "{line}\nis not in\n{stdout}");
    }
    let sections = stdout.lines().filter(|line| line.starts_with('[')).collect::<Vec<_>>();
    assert_eq!(
        sections,
        ["[public]", "[ops]", "[limits]", "[drain]", "[fanout]", "[api]", "[log]", "[otlp]"],
        "{stdout}"
    );
    toml::from_str::<toml::Table>(stdout).unwrap();
    assert!(stderr.contains("warning: fanout.token: ") && stderr.lines().count() == 1, "{stderr}");
    assert!(!stdout.contains("canary") && !stderr.contains("canary"));
}

#[test]
fn a_file_missing_on_this_machine_is_only_a_warning() {
    let output =
        check_config(&Sources::new().file("fanout.peers = ['https://a']\nfanout.ca = '/nonexistent/ca.pem'"));
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("warning: fanout.ca: `/nonexistent/ca.pem` cannot be read"), "{stderr}");
}

#[test]
fn an_unusable_configuration_ends_with_78_and_a_line_for_each_problem() {
    let sources = Sources::new().file("mesage = 1\n[limits]\nheaders = 0\n").variable("UECHO_API__TOKEN", "");
    let output = check_config(&sources);
    let stderr = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(78), ""));
    assert_eq!(stderr.lines().count(), 3, "{stderr}");
    for key in ["mesage", "limits.headers", "api.token"] {
        assert!(
            stderr.lines().any(|line| line.starts_with(&format!("uecho: configuration: {key}: "))),
            "{stderr}"
        );
    }

    let mut service = Builder::new().config("mesage = 1\n[limits]\nheaders = 0\n").no_wait().start();
    assert_eq!(service.wait_exit().code(), Some(78));
    assert_eq!(service.stderr().lines().count(), 2, "{}", service.stderr());
}

#[test]
fn the_service_reads_all_sources_and_warns_of_secrets_once() {
    let service = Builder::new()
        .config("message = \"file\"\nsystem = \"file\"\ninstance = \"file\"\n")
        .env("UECHO_SYSTEM", "variable")
        .env("UECHO_INSTANCE", "variable")
        .env("UECHO_FANOUT__TOKEN", "canary")
        .credential("instance", "credential\n")
        .credential("api.token", "canary\n")
        .start();
    assert_eq!(service.get("/").json()["message"], "file");
    let version = service.get_ops("/version").json();
    assert_eq!((&version["system"], &version["instance"]), (&"variable".into(), &"credential".into()));
    assert_eq!(service.get("/api/v1/echo").status, 401);
    let stderr = crate::support::logged(&service, "fanout.token");
    assert_eq!(stderr.matches("the secret is in").count(), 1, "{stderr}");
    assert!(!stderr.contains("canary"), "{stderr}");
}
