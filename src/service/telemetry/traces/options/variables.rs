//! Variables of the environment, read as the OpenTelemetry specification says.

use std::{collections::BTreeMap, time::Duration};

use percent_encoding::percent_decode_str;

/// The variables of the standard that are set, and what is to be said about them.
pub(crate) struct Variables {
    set: BTreeMap<String, String>,
    pub(super) warnings: Vec<String>,
}

impl Variables {
    /// Those of this process. What is no UTF-8 is not lost: it cannot be used, and is named for that.
    #[must_use]
    pub(crate) fn process() -> Self {
        Self::new(
            std::env::vars_os().map(|(name, value)| {
                (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
            }),
        )
    }

    /// Out of these. An empty one counts as unset.
    pub(in crate::telemetry::traces) fn new(all: impl IntoIterator<Item = (String, String)>) -> Self {
        let standard = all.into_iter().filter(|(name, _)| name.starts_with("OTEL_"));
        let trimmed = standard.map(|(name, value)| (name, value.trim().to_owned()));
        Self { set: trimmed.filter(|(_, value)| !value.is_empty()).collect(), warnings: Vec::new() }
    }

    /// All that are set.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.set.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The value of one.
    pub(in crate::telemetry::traces) fn get(&self, name: &str) -> Option<String> {
        self.set.get(name).cloned()
    }

    /// The value of the first of these variables that has one that `parse` takes. Those before it are ignored
    /// with a warning.
    pub(in crate::telemetry::traces) fn first<T>(
        &mut self,
        names: &[&str],
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        names.iter().find_map(|name| {
            let value = self.get(name)?;
            parse(&value).map_err(|why| self.warn(name, &format!("is ignored: {why}"))).ok()
        })
    }

    /// Adds a sentence that begins with the name.
    pub(in crate::telemetry::traces) fn warn(&mut self, name: &str, what: &str) {
        self.warnings.push(format!("{name} {what}"));
    }
}

/// The integers that the specification has: 0 to 2^31 - 1.
pub(super) fn integer(value: &str) -> Result<u32, String> {
    value
        .parse::<i32>()
        .ok()
        .and_then(|number| u32::try_from(number).ok())
        .ok_or_else(|| format!("{value:?} is no whole number from 0 to {}", i32::MAX))
}

/// A duration in milliseconds.
pub(super) fn millis(value: &str) -> Result<Duration, String> {
    integer(value).map(|millis| Duration::from_millis(millis.into()))
}

/// Undoes percent-encoding and removes space around it; none if it is malformed.
pub(in crate::telemetry::traces) fn decode(text: &str) -> Option<String> {
    let text = text.trim();
    let encoded =
        |rest: &str| rest.as_bytes().iter().take(2).filter(|byte| byte.is_ascii_hexdigit()).count() == 2;
    let whole = text.split('%').skip(1).all(encoded);
    whole.then(|| percent_decode_str(text).decode_utf8().ok().map(Into::into)).flatten()
}
