//! Ranges, and settings that must fit together: what types alone cannot refuse.

mod fanout;
mod limits;
mod listeners;
mod telemetry;

use std::{os::unix::ffi::OsStrExt, path::Path, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use uecho_probe::units::{Size, Span};

use crate::config::{Settings, Sources, problem::Problem, settings::REDACTED};

/// Longest of all durations: far above any use, far below where clocks overflow.
const DAY: Span = Span::secs(24 * 60 * 60);

/// Longest value that goes into every answer, in its receipt.
const LABEL_BYTES: usize = 256;

const NUL_IN_PATH: &str = "a path cannot have a NUL";

/// Everything that is out of range.
pub(super) fn all(settings: &Settings, sources: &Sources) -> Vec<Problem> {
    let mut checker = Checker { sources, problems: Vec::new() };
    for (key, value) in [("instance", &settings.instance), ("system", &settings.system)] {
        checker.require(key, !value.trim().is_empty(), "must not be empty; leave it out for the default");
        let found = value.len();
        let text = format!("expected at most {LABEL_BYTES} bytes, found {found}");
        checker.require(key, found <= LABEL_BYTES, &text);
    }
    checker.absolute("current_system", settings.current_system.as_deref(), "/run/current-system");
    listeners::check(settings, &mut checker);
    limits::check(settings, &mut checker);
    fanout::check(&settings.fanout, &mut checker);
    if let Some(token) = &settings.api.token {
        checker.token("api.token", token);
        let header = "authorization".len() + "Bearer ".len() + token.expose_secret().len();
        let fits = header <= settings.limits.header_bytes.0;
        checker.require("api.token", fits, "does not fit into limits.header_bytes; no client could send it");
    }
    telemetry::check(settings, &mut checker);
    checker.problems
}

/// Collects problems, each with the source of its key.
struct Checker<'a> {
    sources: &'a Sources,
    problems: Vec<Problem>,
}

impl Checker<'_> {
    /// `key` may be an item of a list, like `fanout.peers[1]`.
    fn problem(&mut self, key: &str, text: &str) {
        let of_list = key.split('[').next().unwrap_or(key);
        self.problems.push(Problem::at(key, text, &self.sources.of_key(of_list)));
    }

    fn require(&mut self, key: &str, holds: bool, text: &str) {
        if !holds {
            self.problem(key, text);
        }
    }

    fn absolute(&mut self, key: &str, path: Option<&Path>, example: &str) {
        let Some(path) = path else { return };
        if path.as_os_str().as_bytes().contains(&0) {
            self.problem(key, NUL_IN_PATH);
        } else if !path.is_absolute() {
            self.problem(key, &format!("must be an absolute path, like \"{example}\""));
        }
    }

    fn count(&mut self, key: &str, value: usize, least: usize, most: usize) {
        if !(least..=most).contains(&value) {
            self.problem(key, &format!("expected a whole number from {least} to {most}, found {value}"));
        }
    }

    fn size(&mut self, key: &str, value: Size, least: Size, most: Size) {
        if !(least..=most).contains(&value) {
            self.problem(key, &format!("expected {least} to {most}, found {value}"));
        }
    }

    /// A duration without which nothing works: not zero.
    fn positive(&mut self, key: &str, value: Span) {
        if value.0 < Duration::from_millis(1) {
            self.problem(key, &format!("expected 1ms or more, like \"2s\", found {value}"));
        }
        self.at_most(key, value, DAY);
    }

    fn at_most(&mut self, key: &str, value: Span, most: Span) {
        if value > most {
            self.problem(key, &format!("expected {most} or less, found {value}"));
        }
    }

    /// A bearer token: one header value of visible characters. The value is never quoted.
    fn token(&mut self, key: &str, token: &SecretString) {
        let token = token.expose_secret();
        if token.is_empty() {
            self.problem(key, "must not be empty; leave the key out for no token");
        } else if token == REDACTED {
            self.problem(key, "is what `uecho check-config` prints instead of a secret, not a secret");
        } else if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            self.problem(key, "must be visible ASCII characters without spaces, to fit into a header");
        }
    }
}
