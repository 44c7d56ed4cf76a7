//! The errors of configurations that cannot be used: all at once, each with key, source and remedy.

use super::Sources;

#[test]
fn all_problems_of_all_sources_are_reported_at_once() {
    let sources = Sources::new()
        .file("mesage = \"a\"\n\n[limits]\nheaders = \"many\"\nidle = \"0s\"\n[drain]\ndeadline = \"2h\"\n")
        .file("[fanout]\npeers = [\"b\", \"http://a\", \"http://a\"]\n")
        .variable("UECHO_LIMITS_HEADERS", "1")
        .variable("UECHO_LOG__FORMAT", "xml")
        .credential("api.tokn", "x");
    assert_eq!(
        sources.problems(),
        [
            "mesage: unknown key; did you mean `message`? (0.toml:1)",
            "limits.headers: expected a whole number, like 64, found the string \"many\" (0.toml:4)",
            "limits_headers: unknown key; did you mean `UECHO_LIMITS__HEADERS`? (environment variable \
             UECHO_LIMITS_HEADERS)",
            "log.format: expected one of `auto`, `text`, `json`, found `xml` (environment variable \
             UECHO_LOG__FORMAT)",
            "api.tokn: unknown key; did you mean `api.token`? (credential api.tokn)",
            "limits.idle: expected 1ms or more, like \"2s\", found 0s (0.toml:5)",
            "drain.deadline: expected 1h or less, found 2h (0.toml:7)",
            "fanout.peers[0]: `b` has no scheme; write it like \"http://10.0.0.2:8080\" or \
             \"https://peer.example/prefix\" (1.toml:2)",
            "fanout.peers[2]: `http://a` is listed already; each peer counts once, list it once (1.toml:2)",
        ]
    );
}

#[test]
fn an_unknown_key_is_answered_with_the_known_ones() {
    for (toml, said) in [
        (
            "[limits]\ncolour = 1",
            "limits.colour: unknown key; [limits] has headers, header_bytes, uri_bytes,",
        ),
        ("[colours]\nblue = 1", "colours.blue: unknown key; `uecho check-config` prints all keys"),
        ("[colours]", "colours: unknown key"),
        ("listen = \"x\"", "listen: unknown key; did you mean `public.listen` or `ops.listen`?"),
        ("[public]\nlisten.port = 1", "public.listen: expected a string, found a table"),
        ("[limits.headers]\nmost = 1", "limits.headers: expected a whole number, like 64, found a table"),
        ("limits = 7", "limits: expected a section with keys, found 7"),
        ("limits = [64]", "limits: expected a section with keys, found a list"),
    ] {
        let problems = Sources::new().file(toml).problems();
        assert!(problems.len() == 1 && problems[0].contains(said), "{toml}: {problems:?}");
    }
}

#[test]
fn broken_files_are_named_with_the_place() {
    let broken = Sources::new().file("message = \"a\"\nsystem = \n[limits\n");
    let problems = broken.problems();
    assert!(problems[0].starts_with("0.toml:2:10: not TOML: "), "{problems:?}");
    assert!(problems[1].starts_with("0.toml:3:8: not TOML: "), "{problems:?}");
    assert_eq!(problems.len(), 2, "{problems:?}");

    let twice = Sources::new().file("message = \"a\"\nmessage = \"b\"\n").problems();
    assert!(twice[0].contains("0.toml:2:1: not TOML: duplicate key"), "{twice:?}");

    let date = Sources::new().file("system = 2026-05-01\n").problems();
    assert!(date[0].contains("system: no setting is a date"), "{date:?}");

    let mut missing = Sources::new().file("");
    missing.files = vec![missing.path("none.toml"), missing.path("")];
    let problems = missing.problems();
    assert!(problems[0].contains("cannot read none.toml: No such file"), "{problems:?}");
    assert!(problems[1].contains("Is a directory"), "{problems:?}");

    let mut device = Sources::new();
    device.files = vec!["/dev/zero".into()];
    assert_eq!(device.problems(), ["/dev/zero: larger than 1 MiB"]);
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    for (toml, said) in [
        (
            "[public]\nlisten = \"0.0.0.0:9\"\n[ops]\nlisten = \"127.0.0.1:9\"",
            "ops.listen: \"127.0.0.1:9\" is taken by public.listen \"0.0.0.0:9\"; choose another port \
             (0.toml:4)",
        ),
        ("[ops]\nlisten = \"127.0.0.1:8080\"", "is taken by public.listen"),
        ("[fanout]\npolicy = { quorum = 1 }", "fanout.policy: a quorum of 1 can never be met"),
        (
            "[limits]\nbody_bytes = \"40MiB\"",
            "limits.memory: expected 327872KiB or more, so that one request fits: 8 times limits.body_bytes,",
        ),
        ("instance = \" \"", "instance: must not be empty"),
        ("[otlp.headers]\n\"a b\" = \"x\"", "otlp.headers: \"a b\" is no header name"),
    ] {
        let problems = Sources::new().file(toml).problems();
        assert!(problems.len() == 1 && problems[0].contains(said), "{toml}: {problems:?}");
    }
}

#[test]
fn a_value_cannot_begin_a_line_of_its_own() {
    let problems =
        Sources::new().variable("UECHO_PUBLIC__LISTEN", "x\nuecho: all is well\u{1b}[2J").problems();
    assert!(problems.len() == 1 && !problems[0].contains(char::is_control), "{problems:?}");
}
