//! Checks of ranges and forms that types alone cannot refuse; the sections use them for their values.

use std::{os::unix::ffi::OsStrExt, path::Path, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use uecho_probe::units::{DurationValue, Size};

use crate::config::{invalid::Invalid, secret::REDACTED};

/// The longest duration of any setting: far above any use, far below where clocks overflow.
pub(super) const DAY: DurationValue = DurationValue::secs(24 * 60 * 60);

pub(super) const NUL_IN_PATH: &str = "a path cannot have a NUL";

/// Collects everything that is wrong.
#[derive(Debug, Default)]
pub(super) struct Checker {
    pub(super) invalid: Vec<Invalid>,
}

impl Checker {
    /// `key` may be an item of a list, like `fanout.peers[1]`.
    pub(super) fn refuse(&mut self, key: &str, text: impl Into<String>) {
        self.invalid.push(Invalid::of(key, text));
    }

    pub(super) fn require(&mut self, key: &str, holds: bool, text: &str) {
        if !holds {
            self.refuse(key, text);
        }
    }

    pub(super) fn absolute(&mut self, key: &str, path: Option<&Path>, example: &str) {
        let Some(path) = path else { return };
        if path.as_os_str().as_bytes().contains(&0) {
            self.refuse(key, NUL_IN_PATH);
        } else if !path.is_absolute() {
            self.refuse(key, format!("must be an absolute path, like \"{example}\""));
        }
    }

    pub(super) fn count(&mut self, key: &str, value: usize, least: usize, most: usize) {
        if !(least..=most).contains(&value) {
            self.refuse(key, format!("expected a whole number from {least} to {most}, found {value}"));
        }
    }

    pub(super) fn size(&mut self, key: &str, value: Size, least: Size, most: Size) {
        if !(least..=most).contains(&value) {
            self.refuse(key, format!("expected {least} to {most}, found {value}"));
        }
    }

    /// Checks a duration that must not be zero.
    pub(super) fn positive(&mut self, key: &str, value: DurationValue) {
        if value.0 < Duration::from_millis(1) {
            self.refuse(key, format!("expected 1ms or more, like \"2s\", found {value}"));
        }
        self.at_most(key, value, DAY);
    }

    pub(super) fn at_most(&mut self, key: &str, value: DurationValue, most: DurationValue) {
        if value > most {
            self.refuse(key, format!("expected {most} or less, found {value}"));
        }
    }

    /// Checks a bearer token: one header value of visible characters. The error never quotes the value.
    pub(super) fn token(&mut self, key: &str, token: Option<&SecretString>) {
        let Some(token) = token.map(ExposeSecret::expose_secret) else { return };
        if token.is_empty() {
            self.refuse(key, "must not be empty; leave the key out for no token");
        } else if token == REDACTED {
            self.refuse(key, "is what `uecho check-config` prints instead of a secret, not a secret");
        } else if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            self.refuse(key, "must be visible ASCII characters without spaces, to fit into a header");
        }
    }
}
