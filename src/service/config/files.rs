//! TOML files as a source, with the line of every value.

use std::{
    fs::File,
    io::Read,
    ops::Range,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use figment::value::{Dict, Value};
use toml::de::{DeTable, DeValue};

use crate::config::{
    assignment::{Assignment, Source},
    invalid::Invalid,
};

/// The largest file that is read; a larger one is a mistake, such as a log or a device.
const MOST_BYTES: u64 = 1 << 20;

/// Reads one file.
///
/// # Errors
/// The file cannot be read, or is not TOML: one error for each place where the syntax is broken.
pub(super) fn read(path: &Path, warnings: &mut Vec<String>) -> Result<Vec<Assignment>, Vec<Invalid>> {
    let unreadable = |error| vec![Invalid::whole(format!("cannot read {}: {error}", path.display()))];
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode();
    let mut text = String::new();
    let bytes = file.take(MOST_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    if bytes as u64 > MOST_BYTES {
        return Err(vec![Invalid::whole(format!("{}: larger than 1 MiB", path.display()))]);
    }
    let assignments = parse(path, &text)?;
    if mode & 0o004 != 0 {
        warnings.extend(assignments.iter().filter(|given| given.holds_secret()).map(|given| {
            let key = given.key();
            format!(
                "{key}: the secret is in {}, which every user can read; `chmod o-r` the file, or hand it \
                 over as the systemd credential `{key}`",
                path.display()
            )
        }));
    }
    Ok(assignments)
}

/// Reads TOML text; `path` is for messages only.
///
/// # Errors
/// One for each place where the syntax is broken. They do not quote the text, because it may contain secrets.
pub(super) fn parse(path: &Path, text: &str) -> Result<Vec<Assignment>, Vec<Invalid>> {
    let (table, mut errors) = DeTable::parse_recoverable(text);
    errors.sort_by_key(|error| error.span().map(|span| span.start));
    let mut invalid = Vec::new();
    for error in &errors {
        let (line, column) = position(text, error.span().unwrap_or(0..0));
        let place = format!("{}:{line}:{column}", path.display());
        invalid.push(Invalid::whole(format!("{place}: not TOML: {}", error.message().replace('\n', ", "))));
    }
    let mut assignments = Vec::new();
    let mut reader = Reader { path, text, invalid };
    reader.table(&mut Vec::new(), table.get_ref(), &mut assignments);
    if !reader.invalid.is_empty() {
        return Err(reader.invalid);
    }
    // the parser sorts tables by name; errors are easier to follow from top to bottom
    assignments.sort_by_key(|given| match given.source {
        Source::File(_, line) => line,
        Source::Variable(_) | Source::Credential(_) => 0,
    });
    Ok(assignments)
}

/// Turns a TOML value into figment's.
///
/// # Errors
/// The value is a date, or a number that no setting could have.
pub(super) fn value(value: &DeValue<'_>) -> Result<Value, String> {
    Ok(match value {
        DeValue::String(text) => Value::from(text.to_string()),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map_err(|_| format!("{integer} is out of range"))?
            .into(),
        DeValue::Float(float) => {
            Value::from(float.as_str().parse::<f64>().map_err(|_| format!("{float} is not a number"))?)
        }
        DeValue::Boolean(boolean) => Value::from(*boolean),
        DeValue::Datetime(_) => return Err("no setting is a date; is a quotation mark missing?".into()),
        DeValue::Array(items) => {
            items.iter().map(|item| self::value(item.get_ref())).collect::<Result<Vec<_>, _>>()?.into()
        }
        DeValue::Table(table) => table
            .iter()
            .map(|(name, item)| Ok((name.get_ref().to_string(), self::value(item.get_ref())?)))
            .collect::<Result<Dict, String>>()?
            .into(),
    })
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    invalid: Vec<Invalid>,
}

impl Reader<'_> {
    fn table(&mut self, above: &mut Vec<String>, table: &DeTable<'_>, assignments: &mut Vec<Assignment>) {
        for (name, item) in table {
            above.push(name.get_ref().to_string());
            match item.get_ref() {
                DeValue::Table(inner) if !inner.is_empty() => self.table(above, inner, assignments),
                leaf => {
                    let (line, _) = position(self.text, name.span());
                    let source = Source::File(PathBuf::from(self.path), line);
                    match value(leaf) {
                        Ok(value) => assignments.push(Assignment { path: above.clone(), value, source }),
                        Err(text) => self.invalid.push(Invalid::of(above.join("."), text).given_by(source)),
                    }
                }
            }
            above.pop();
        }
    }
}

/// Line and column, counted from 1, of the beginning of a span.
fn position(text: &str, span: Range<usize>) -> (usize, usize) {
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line..].chars().count() + 1)
}
