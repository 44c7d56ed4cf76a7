//! What is wrong with a configuration, said so that it can be put right: the key, what was found, what would be right, where.

use std::fmt;

use figment::error::{Actual, Kind, OneOf};

use crate::config::{
    did_you_mean,
    entry::{Entry, Origin},
    keys, settings,
};

/// One thing that is wrong, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem(String);

/// The configuration is unusable (exit code 78, `EX_CONFIG`).
#[derive(Debug, thiserror::Error)]
pub struct ConfigError {
    /// Everything that is wrong, at least one.
    pub problems: Vec<Problem>,
}

impl ConfigError {
    /// A configuration with this one problem.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { problems: vec![Problem::new(text)] }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (line, problem) in self.problems.iter().enumerate() {
            write!(f, "{}configuration: {problem}", if line == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Problem {
    /// A problem that is no single key's.
    pub(super) fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        // a value that is quoted must not begin a line of its own
        if !text.contains(char::is_control) {
            return Self(text);
        }
        let escape = |character: char| {
            if character.is_control() { character.escape_default().to_string() } else { character.into() }
        };
        Self(text.chars().map(escape).collect())
    }

    /// A problem of a key whose value came from `origin`.
    pub(super) fn at(key: &str, text: impl fmt::Display, origin: &impl fmt::Display) -> Self {
        Self::new(format!("{key}: {text} ({origin})"))
    }

    /// What serde made of an entry, in words for people.
    pub(super) fn of(entry: &Entry, error: &figment::Error) -> Self {
        let text = match &error.kind {
            Kind::UnknownField(..) => unknown(entry),
            Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
                format!("expected {}, found {}", plain(expected), describe(found, &entry.path))
            }
            Kind::InvalidLength(_, expected) => format!("expected {expected}"),
            Kind::UnknownVariant(found, variants) => format!("expected {}, found `{found}`", OneOf(variants)),
            _ if settings::may_hold_secret(&entry.path) => "not of the right form".into(),
            other => other.to_string(),
        };
        // shorter than the entry's when a value was taken for a table, longer when an item of a list is at fault
        let path = match error.kind {
            Kind::UnknownField(..) => &entry.path,
            _ if error.path.is_empty() => &entry.path,
            _ => &error.path,
        };
        let (names, items) = path.split_at(path.len().min(entry.path.len()));
        let key = items.iter().fold(names.join("."), |key, item| format!("{key}[{item}]"));
        Self::at(&key, text, &entry.origin)
    }
}

fn unknown(entry: &Entry) -> String {
    let near = did_you_mean::nearest(&entry.path);
    let spelled = near.iter().map(|key| match entry.origin {
        Origin::Variable(_) => format!("`UECHO_{}`", key.to_ascii_uppercase().replace('.', "__")),
        _ => format!("`{key}`"),
    });
    let spelled = spelled.collect::<Vec<_>>().join(" or ");
    if !spelled.is_empty() {
        return format!("unknown key; did you mean {spelled}?");
    }
    let section = entry.path.first().map(String::as_str).filter(|_| entry.path.len() > 1);
    match (section, keys::in_section(section)) {
        (Some(section), names) if !names.is_empty() => {
            format!("unknown key; [{section}] has {}", names.join(", "))
        }
        _ => "unknown key; `uecho check-config` prints all there are".into(),
    }
}

/// What Rust calls a type, in TOML's words, with an example.
fn plain(expected: &str) -> &str {
    match expected {
        "usize" | "u64" | "u32" | "u16" | "u8" => "a whole number, like 64",
        "f64" | "f32" => "a number, like 0.25",
        "a boolean" => "true or false",
        "a sequence" => "a list, like [\"http://10.0.0.2:8080\"]",
        "a map" => "a table, like { name = \"value\" }",
        "path string" => "a path, like \"/etc/ssl/ca.pem\"",
        _ if expected.starts_with("struct ") => "a section with keys",
        _ => expected,
    }
}

/// What was found; of what might be a secret, only its type.
fn describe(found: &Actual, path: &[String]) -> String {
    let secret = settings::may_hold_secret(path);
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
