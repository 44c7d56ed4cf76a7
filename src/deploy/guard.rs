//! What the guard of a machine says of its last verdict: a part of `uecho-guard status --json`.

use serde::Deserialize;

/// The state of the machine, as its guard sees it.
#[derive(Debug, Deserialize)]
pub(crate) struct Status {
    last_verdict: Option<Verdict>,
}

/// The result of a verification or rollback.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Verdict {
    /// Exit code of the guard.
    pub code: u8,
    /// The result in a word.
    outcome: String,
    /// The version that the result is about.
    pub version: String,
    /// The result in words.
    pub text: String,
    /// The activation that was judged: the system, and since when the link points to it.
    activation: Option<String>,
}

impl Status {
    /// Reads what the guard of a host has printed.
    ///
    /// # Errors
    /// It is something else; the text names the host and the key.
    pub(crate) fn parse(host: &str, text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| {
            format!("The guard of {host} answers with something other than its status ({error})")
        })
    }

    /// The activation that was judged last; empty if none was.
    #[must_use]
    pub(crate) fn activation(self) -> String {
        self.last_verdict.and_then(|verdict| verdict.activation).unwrap_or_default()
    }

    /// The last verdict, if it is about an activation other than these two. A guard that reboots the machine,
    /// or that could not finish, has not judged yet.
    #[must_use]
    pub(crate) fn verdict_after(self, before: &str, known: &str) -> Option<Verdict> {
        self.last_verdict.filter(|verdict| {
            let newer = |activation: &str| activation != before && activation != known;
            !matches!(verdict.outcome.as_str(), "rebooting" | "failed")
                && verdict.activation.as_deref().is_some_and(newer)
        })
    }
}

#[cfg(test)]
impl Verdict {
    /// A verdict for tests.
    pub(crate) fn told(code: u8, version: &str, text: &str) -> Self {
        let (outcome, activation) = (String::new(), None);
        Self { code, outcome, version: version.into(), text: text.into(), activation }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(outcome: &str, activation: &str) -> Status {
        let verdict = format!(
            r#"{{"at": "2026-11-22T00:00:00Z", "code": 3, "outcome": "{outcome}", "version": "/nix/store/a-b",
                "text": "never ready", "activation": {activation}}}"#
        );
        Status::parse("m", &format!(r#"{{"running": "x", "last_verdict": {verdict}}}"#)).unwrap()
    }

    #[test]
    fn only_a_final_verdict_on_another_activation_counts() {
        let found = |outcome, activation| status(outcome, activation).verdict_after("b@1", "k@1");
        let verdict = found("rolled_back", r#""n@1""#).unwrap();
        assert_eq!((verdict.code, verdict.text.as_str()), (3, "never ready"));
        for (outcome, activation) in [
            ("rolled_back", r#""b@1""#),
            ("rolled_back", r#""k@1""#),
            ("rolled_back", "null"),
            ("rebooting", r#""n@1""#),
            ("failed", r#""n@1""#),
        ] {
            assert_eq!(found(outcome, activation), None, "{outcome} {activation}");
        }
    }

    #[test]
    fn a_guard_may_have_judged_nothing_yet() {
        let none = || Status::parse("m", r#"{"last_verdict": null}"#).unwrap();
        assert_eq!((none().activation(), none().verdict_after("", "")), (String::new(), None));
        assert_eq!(status("good", r#""n@1""#).activation(), "n@1");
    }

    #[test]
    fn an_error_names_host_and_key() {
        for (text, key) in [
            ("", "EOF"),
            ("uecho-guard: no such file", "expected value"),
            (r#"{"last_verdict": {"code": 3}}"#, "`outcome`"),
            (r#"{"last_verdict": {"code": "three"}}"#, "u8"),
        ] {
            let error = Status::parse("root@m", text).unwrap_err();
            assert!(error.contains("root@m") && error.contains(key), "{error}");
        }
    }
}
