//! Which files, variables and credentials are read, and how they are merged.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

use secrecy::ExposeSecret;

use super::Sources;

#[test]
fn files_come_from_the_command_line_else_the_environment_else_the_default() {
    let mut sources = Sources::new().file("message = \"argument\"");
    for name in ["variable", "default"] {
        std::fs::write(sources.path(name), format!("message = \"{name}\"")).unwrap();
    }
    sources.surroundings.default_file = Some(sources.path("default"));
    let message = |sources: &Sources| sources.good().settings.message;

    let variable = sources.path("variable");
    sources = sources.variable("UECHO_CONFIG", variable);
    assert_eq!(message(&sources), "argument");
    sources.files.clear();
    assert_eq!(message(&sources), "variable");
    sources = sources.variable("UECHO_CONFIG", "");
    assert_eq!(message(&sources), "Automate all the things!", "an empty name means: no file");
    sources.surroundings.variables.clear();
    assert_eq!(message(&sources), "default");
    std::fs::remove_file(sources.path("default")).unwrap();
    assert_eq!(message(&sources), "Automate all the things!", "the default file need not exist");
    let variable = sources.path("missing");
    assert!(sources.variable("UECHO_CONFIG", variable).problems()[0].contains("cannot read missing"));
}

#[test]
fn a_later_file_replaces_values_and_lists_and_keeps_the_rest() {
    let loaded = Sources::new()
        .file(
            "message = \"a\"\n[fanout]\npeers = [\"http://a\", \"http://b\"]\nmax_hops = 7\n\
         [otlp.headers]\nx = \"1\"\ny = \"1\"",
        )
        .file("message = \"b\"\n[fanout]\npeers = [\"http://c\"]\n[otlp.headers]\ny = \"2\"")
        .good();
    assert_eq!(loaded.settings.message, "b");
    assert_eq!(loaded.settings.fanout.peers, ["http://c"]);
    assert_eq!(loaded.settings.fanout.max_hops, 7);
    let headers = &loaded.settings.otlp.headers;
    assert_eq!((headers["x"].expose_secret(), headers["y"].expose_secret()), ("1", "2"));
    let sources = loaded.sources.of_key("otlp.headers");
    assert!(
        sources.contains("x: ") && sources.contains("0.toml:6; y: ") && sources.ends_with("1.toml:5"),
        "{sources}"
    );
}

#[test]
fn variables_take_lists_and_tables_in_toml() {
    let settings = Sources::new()
        .variable("UECHO_FANOUT__PEERS", "[\"http://a:1\", 'http://b:2']")
        .variable("UECHO_FANOUT__POLICY", " { quorum = 2 } ")
        .variable("UECHO_LIMITS", "{ headers = 7, idle = \"1m\" }")
        .variable("UECHO_LIMITS__IN_FLIGHT", " 9 ")
        .variable("UECHO_OTLP__HEADERS", "{ X-Key = \"k\" }")
        .variable("UECHO_MESSAGE", "[\"no list\"]")
        .variable("UECHO_REVISION", "of the build, no setting")
        .variable("ECHO_MESSAGE", "not ours")
        .good()
        .settings;
    assert_eq!(settings.fanout.peers, ["http://a:1", "http://b:2"]);
    assert_eq!((settings.limits.headers, settings.limits.in_flight), (7, 9));
    assert_eq!(settings.otlp.headers["X-Key"].expose_secret(), "k");
    assert_eq!(settings.message, "[\"no list\"]");
}

/// The variables that Kubernetes sets in every pod beside Services `uecho` (IPv4, two ports) and `uecho-ops`
/// (IPv6, UDP).
const SERVICE_LINKS: &[(&str, &str)] = &[
    ("UECHO_SERVICE_HOST", "10.96.7.8"),
    ("UECHO_SERVICE_PORT", "8080"),
    ("UECHO_SERVICE_PORT_HTTP", "8080"),
    ("UECHO_SERVICE_PORT_GRPC_WEB", "9"),
    ("UECHO_PORT", "tcp://10.96.7.8:8080"),
    ("UECHO_PORT_8080_TCP", "tcp://10.96.7.8:8080"),
    ("UECHO_PORT_8080_TCP_PROTO", "tcp"),
    ("UECHO_PORT_8080_TCP_PORT", "8080"),
    ("UECHO_PORT_8080_TCP_ADDR", "10.96.7.8"),
    ("UECHO_OPS_SERVICE_HOST", "fd00::7"),
    ("UECHO_OPS_PORT", "udp://[fd00::7]:53"),
    ("UECHO_OPS_PORT_53_UDP", "udp://[fd00::7]:53"),
    ("UECHO_OPS_PORT_53_UDP_ADDR", "fd00::7"),
];

#[test]
fn service_links_of_kubernetes_are_ignored_with_one_warning() {
    let mut sources = Sources::new().variable("UECHO_MESSAGE", "ours");
    for (name, value) in SERVICE_LINKS {
        sources = sources.variable(*name, *value);
    }
    let loaded = sources.good();
    assert_eq!(loaded.settings.message, "ours");
    assert_eq!(loaded.warnings.len(), 1, "{:?}", loaded.warnings);
    for (name, _) in SERVICE_LINKS {
        assert!(loaded.warnings[0].contains(name), "{name}: {:?}", loaded.warnings);
    }
}

#[test]
fn other_variables_that_look_like_service_links_are_refused() {
    for (name, value) in [
        ("UECHO_PORT", "8080"),
        ("UECHO_PORT", "tcp://uecho:8080"),
        ("UECHO_PORT", "http://10.96.7.8:8080"),
        ("UECHO_HOST", "10.96.7.8"),
        ("UECHO_SERVICE_HOST", "uecho.default.svc"),
        ("UECHO_SERVICE_PORT", "http"),
        ("UECHO_SERVICE_PORTS", "8080"),
        ("UECHO_SERVICE_NAME", "uecho"),
        ("UECHO_PORT_8080", "8080"),
        ("UECHO_PORT_8080_TCP", "8080"),
        ("UECHO_PORT_8080_TCP_PROTO", "TCP"),
        ("UECHO_PORT_8080_TCP_ADDR", "uecho"),
        ("UECHO_PORT_8080_TCP_PORT", "99999"),
        ("UECHO_PORT_8080_TCP_NAME", "http"),
        ("UECHO_PORT_8080_TCP_ADDR_X", "10.96.7.8"),
        ("UECHO_PORT_X_TCP_ADDR", "10.96.7.8"),
        ("UECHO_PORT_8080_HTTP_ADDR", "10.96.7.8"),
    ] {
        let problems = Sources::new().variable(name, value).problems();
        assert!(problems.len() == 1 && problems[0].contains("unknown key"), "{name}={value}: {problems:?}");
    }
}

#[test]
fn values_that_are_not_utf8_are_refused() {
    let bytes = OsStr::from_bytes(b"\xff");
    let problems = Sources::new().variable("UECHO_MESSAGE", bytes).problems();
    assert_eq!(problems, ["message: not valid UTF-8 (environment variable UECHO_MESSAGE)"]);
    assert_eq!(
        Sources::new().credential("api.token", b"\xff").problems(),
        ["api.token: not valid UTF-8 (credential api.token)"]
    );
}

#[test]
fn credentials_of_other_programs_are_ignored() {
    let loaded = Sources::new()
        .credential("message", "ours\r\n")
        .credential("tls.key", "\u{0}")
        .credential("api", "no setting by itself")
        .credential("apii.token", "nearly")
        .good();
    assert_eq!(loaded.settings.message, "ours");
    assert!(loaded.settings.api.token.is_none());
    assert_eq!(
        loaded.warnings,
        ["credential apii.token: ignored, it is no setting; did you mean `api.token`?"]
    );
}

#[test]
fn credentials_that_cannot_be_read_are_an_error() {
    let huge = Sources::new().credential("api.token", "x".repeat(65537));
    assert_eq!(huge.problems(), ["api.token: larger than 64 KiB (credential api.token)"]);

    let missing = Sources::new().variable("CREDENTIALS_DIRECTORY", "/nonexistent");
    assert!(missing.problems()[0].starts_with("cannot read the credentials directory /nonexistent: "));

    let directory = Sources::new().credential("message", "x");
    std::fs::create_dir(directory.path("credentials/api.token")).unwrap();
    assert!(directory.problems()[0].starts_with("api.token: cannot be read: "));
}
