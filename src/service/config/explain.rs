//! Explains an error of serde in words for people: what was found, what would be right, which key was meant.

use figment::error::{Actual, Kind, OneOf};

use crate::config::{
    assignment::{Assignment, Source},
    did_you_mean,
    invalid::Invalid,
    keys, secret,
};

/// Explains the error that serde found in an assignment.
pub(super) fn explain(given: &Assignment, error: &figment::Error) -> Invalid {
    let text = match &error.kind {
        Kind::UnknownField(..) => unknown(given),
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            format!("expected {}, found {}", plain(expected), describe(found, &given.path))
        }
        Kind::InvalidLength(_, expected) => format!("expected {expected}"),
        Kind::UnknownVariant(found, variants) => format!("expected {}, found `{found}`", OneOf(variants)),
        _ if secret::may_hold_secret(&given.path) => "not of the right form".into(),
        other => other.to_string(),
    };
    // the path of the error is shorter than that of the assignment when a value was taken for a table, and
    // longer when an item of a list is wrong
    let path = match error.kind {
        Kind::UnknownField(..) => &given.path,
        _ if error.path.is_empty() => &given.path,
        _ => &error.path,
    };
    let (names, items) = path.split_at(path.len().min(given.path.len()));
    let key = items.iter().fold(names.join("."), |key, item| format!("{key}[{item}]"));
    Invalid::of(key, text).given_by(&given.source)
}

fn unknown(given: &Assignment) -> String {
    let near = did_you_mean::nearest(&given.path);
    let spelled = near.iter().map(|key| match given.source {
        Source::Variable(_) => format!("`UECHO_{}`", key.to_ascii_uppercase().replace('.', "__")),
        _ => format!("`{key}`"),
    });
    let spelled = spelled.collect::<Vec<_>>().join(" or ");
    if !spelled.is_empty() {
        return format!("unknown key; did you mean {spelled}?");
    }
    let section = given.path.first().map(String::as_str).filter(|_| given.path.len() > 1);
    match (section, keys::in_section(section)) {
        (Some(section), names) if !names.is_empty() => {
            format!("unknown key; [{section}] has {}", names.join(", "))
        }
        _ => "unknown key; `uecho check-config` prints all keys".into(),
    }
}

/// The name of a Rust type in TOML's words, with an example.
fn plain(expected: &str) -> &str {
    match expected {
        "usize" | "u64" | "u32" | "u16" | "u8" => "a whole number, like 64",
        "f64" | "f32" => "a number, like 0.25",
        "a boolean" => "true or false",
        "a sequence" => "a list, like [\"http://10.0.0.2:8080\"]",
        "a map" => "a table, like { name = \"value\" }",
        "path string" => "a path, like \"/etc/ssl/ca.pem\"",
        _ if expected.starts_with("struct") => "a section with keys",
        _ => expected,
    }
}

/// What was found. If it might be a secret, this tells only its type.
fn describe(found: &Actual, path: &[String]) -> String {
    let secret = secret::may_hold_secret(path);
    match found {
        Actual::Bool(value) if !secret => format!("{value}"),
        Actual::Unsigned(value) if !secret => format!("{value}"),
        Actual::Signed(value) if !secret => format!("{value}"),
        Actual::Float(value) if !secret => format!("{value}"),
        Actual::Str(value) if !secret => format!("the string {value:?}"),
        Actual::Bool(_) => "a boolean".into(),
        Actual::Unsigned(_) | Actual::Signed(_) | Actual::Float(_) => "a number".into(),
        Actual::Str(_) => "a string".into(),
        Actual::Seq => "a list".into(),
        Actual::Map => "a table".into(),
        _ => "something else".into(),
    }
}
