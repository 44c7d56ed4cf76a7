//! How one look at the release ended.

pub(crate) use uecho_probe::look::Outcome;

/// How it ended, with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// What became of it.
    pub outcome: Outcome,
    /// In words.
    pub text: String,
}

impl Ended {
    /// An end with these words.
    pub(crate) fn new(outcome: Outcome, text: impl Into<String>) -> Self {
        Self { outcome, text: text.into() }
    }
}
