//! Secrets: never shown; a warning where others can read them; an error when the value cannot be intended.

use uecho::config::{
    keys,
    secret::{self, REDACTED},
    show,
};

use super::{
    Sources, document, mode,
    table::{Form, TABLE},
    variable_name,
};

const CANARY: &str = "canary-5e3a";

#[test]
fn exactly_the_keys_declared_secret_are_redacted() {
    for (key, form, values) in TABLE {
        let path = key.split('.').map(str::to_owned).collect::<Vec<_>>();
        let holds = matches!(form, Form::Secret | Form::Secrets);
        assert_eq!(secret::is_secret(&path), holds, "{key}");
        let loaded = Sources::new().file(&document(key, values[0])).load();
        let Ok(loaded) = loaded else { continue };
        let shown = keys::flatten(&loaded.settings).into_iter().find(|other| other.key == *key).unwrap();
        assert_eq!(shown.value.to_string().contains(REDACTED), holds, "{key}");
    }
}

#[test]
fn no_secret_is_ever_shown() {
    let file = format!(
        "[fanout]\ntoken = \"{CANARY}1\"\n[api]\ntoken = \"{CANARY}2\"\n[otlp.headers]\na = \"{CANARY}3\"\n\
         b = \"{CANARY}4\"\n"
    );
    let loaded = Sources::new()
        .file(&file)
        .variable("UECHO_API__TOKEN", format!("{CANARY}5"))
        .variable("UECHO_OTLP__HEADERS__C", format!("{CANARY}6"))
        .credential("otlp.headers.d", format!("{CANARY}7"))
        .good();
    let shown = format!("{}\n{:?}\n{loaded:?}", show::render(&loaded), loaded.settings);
    assert!(shown.matches(REDACTED).count() >= 6, "{shown}");
    assert!(!shown.contains(CANARY), "{shown}");
    assert!(
        shown.contains(
            "headers = { a = \"[redacted]\", b = \"[redacted]\", c = \"[redacted]\", d = \"[redacted]\" }"
        ),
        "{shown}"
    );
}

#[test]
fn no_error_quotes_a_secret() {
    for toml in [
        format!("[api]\ntoken = [\"{CANARY}\"]"),
        format!("[api]\ntoken = {{ x = \"{CANARY}\" }}"),
        format!("[api]\ntoken.x = \"{CANARY}\""),
        format!("[api]\ntoken = \"{CANARY} with spaces\""),
        format!("[api]\ntoken = \"{CANARY}\\n\""),
        format!("[api]\ntoken = \"{CANARY}"),
        format!("[api]\ntoken = {CANARY}"),
        format!("[api]\ntoken = \"\"\"{CANARY}"),
        format!("[api]\ntokn = \"{CANARY}\""),
        format!("[fanout]\ntoken = \"{CANARY}\\u00e9\\n\""),
        format!("api = \"{CANARY}\""),
        format!("fanout = [\"{CANARY}\"]"),
        format!("otlp = \"{CANARY}\""),
        format!("[otlp]\nheaders = \"a={CANARY}\""),
        format!("[otlp]\nheaders = [\"{CANARY}\"]"),
        format!("[otlp.headers]\na = [\"{CANARY}\"]"),
        format!("[otlp.headers]\na = \"{CANARY}\\n\""),
        format!("[otlp]\nendpoint = \"http://user:{CANARY}@a\""),
        format!("[fanout]\npeers = [\"http://user:{CANARY}@a\"]"),
    ] {
        let problems = Sources::new().file(&toml).problems().join("\n");
        assert!(!problems.contains(CANARY), "{toml}: {problems}");
    }
    for (name, value) in [
        ("UECHO_API", format!("\"{CANARY}\"")),
        ("UECHO_API", format!("{{ token = \"{CANARY} {CANARY}\" }}")),
        ("UECHO_OTLP__HEADERS", format!("{{ a = {CANARY} }}")),
        ("UECHO_OTLP__HEADERS", format!("a={CANARY}")),
        ("UECHO_API__TOKN", CANARY.into()),
        ("UECHO_FANOUT__TOKEN", format!("{CANARY}\u{7f}")),
    ] {
        let problems = Sources::new().variable(name, value).problems().join("\n");
        assert!(!problems.contains(CANARY), "{name}: {problems}");
    }
}

#[test]
fn secrets_that_cannot_be_intended_are_refused() {
    for key in ["api.token", "fanout.token"] {
        for (value, said) in
            [("", "must not be empty"), ("[redacted]", "not a secret"), ("a b", "without spaces")]
        {
            let problems = Sources::new().credential(key, value).problems();
            assert!(problems.len() == 1 && problems[0].contains(said), "{key} = {value:?}: {problems:?}");
        }
    }
}

#[test]
fn secrets_that_others_can_read_work_with_a_warning() {
    for (key, form, values) in TABLE {
        let holds = matches!(form, Form::Secret | Form::Secrets);
        let quorum = "[fanout]\npeers = [\"http://base:1\"]";
        let warnings = |sources: Sources| sources.good().warnings;
        let with_mode = |bits| {
            let sources = Sources::new().file(quorum).file(&document(key, values[0]));
            mode(&sources.files[1], bits);
            warnings(sources)
        };
        assert_eq!(with_mode(0o600), [""; 0], "{key}");
        assert_eq!(with_mode(0o640), [""; 0], "{key}");
        let text = values[0].trim_matches('"');
        let environment = warnings(Sources::new().file(quorum).variable(variable_name(key), text));
        for found in [with_mode(0o644), environment] {
            assert_eq!(found.len(), usize::from(holds), "{key}: {found:?}");
            assert!(
                found.iter().all(|line| line.contains(&format!("credential `{key}"))),
                "{key}: {found:?}"
            );
        }
        assert_eq!(warnings(Sources::new().file(quorum).credential(key, text)), [""; 0], "{key}");
    }
}

#[test]
fn a_table_without_secrets_gets_no_warning() {
    let sources = Sources::new().file("[otlp]\nheaders = {}").variable("UECHO_OTLP__HEADERS", "{}");
    mode(&sources.files[0], 0o644);
    assert_eq!(sources.good().warnings, [""; 0]);
}
