//! What runs where while a rollout goes on, and when it stops: at the first node that does not end with 0.

use std::{fmt, ops::ControlFlow};

use crate::{deployment::Done, error::Error, outcome::Outcome, version::Version};

/// What is known of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Its turn has not come.
    Untouched,
    /// It runs the new version, which serves.
    Updated {
        /// The label of that version.
        new: String,
        /// What it ran before.
        old: Version,
    },
    /// It ran the new version, and runs the one before again.
    Reverted(String),
    /// It runs the new version, which does not serve.
    Broken(String),
    /// It runs the version that it ran before.
    Before(String),
    /// Its deployment has not begun.
    NotBegun,
    /// Nobody knows.
    Unknown,
}

/// The nodes in their order, with what is known of each.
#[derive(Clone, Debug)]
pub(crate) struct Progress(Vec<(String, State)>);

impl State {
    /// The state after a deployment.
    #[must_use]
    pub(crate) fn after(done: &Result<Done, Error>) -> Self {
        let Ok(Done { outcome, new, old }) = done else { return Self::NotBegun };
        match outcome {
            Outcome::Serves => Self::Updated { new: new.label.clone(), old: old.clone() },
            Outcome::Unhealthy | Outcome::NowhereToGo => Self::Broken(new.label.clone()),
            Outcome::TakenBack | Outcome::Quarantined => Self::Before(old.label.clone()),
            Outcome::Unproven | Outcome::NoVerdict => Self::Unknown,
        }
    }
}

impl Progress {
    /// No node is touched.
    #[must_use]
    pub(crate) fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(names.into_iter().map(|name| (name.to_owned(), State::Untouched)).collect())
    }

    /// The nodes that run the new version, the last one first, each with what it ran before.
    #[must_use]
    pub(crate) fn updated(&self) -> Vec<(usize, Version)> {
        let old = |(position, (_, state)): (usize, &(String, State))| match state {
            State::Updated { old, .. } => Some((position, old.clone())),
            _ => None,
        };
        self.0.iter().enumerate().rev().filter_map(old).collect()
    }

    /// Records how it went with a node. The rollout stops with the first exit code other than 0.
    pub(crate) fn ended(&mut self, position: usize, code: u8, state: State) -> ControlFlow<u8> {
        if let Some((_, known)) = self.0.get_mut(position) {
            *known = state;
        }
        match code {
            0 => ControlFlow::Continue(()),
            code => ControlFlow::Break(code),
        }
    }
}

/// One line a node.
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, state)| writeln!(f, "{name}: {state}"))
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untouched => f.write_str("not touched"),
            Self::Updated { new, .. } => write!(f, "updated, runs {new}"),
            Self::Reverted(label) => write!(f, "reverted, runs {label} again"),
            Self::Broken(label) => write!(f, "runs {label}, which does not serve"),
            Self::Before(label) => write!(f, "runs {label} as before"),
            Self::NotBegun => f.write_str("nothing was changed"),
            Self::Unknown => f.write_str("what it runs is not proven: look at the machine"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn done(outcome: Outcome) -> Done {
        let version = |label| Version::new("/srv/x".into(), label);
        Done { outcome, new: version("new"), old: version("old") }
    }

    #[test]
    fn each_outcome_leaves_a_version() {
        for (outcome, words) in [
            (Outcome::Serves, "updated, runs new"),
            (Outcome::Unhealthy, "runs new, which does not serve"),
            (Outcome::NowhereToGo, "runs new, which does not serve"),
            (Outcome::TakenBack, "runs old as before"),
            (Outcome::Quarantined, "runs old as before"),
            (Outcome::Unproven, "what it runs is not proven: look at the machine"),
            (Outcome::NoVerdict, "what it runs is not proven: look at the machine"),
        ] {
            assert_eq!(State::after(&Ok(done(outcome))).to_string(), words, "{outcome:?}");
        }
        let not_begun = State::after(&Err(Error::NothingChanged(String::new())));
        assert_eq!(not_begun.to_string(), "nothing was changed");
    }

    #[test]
    fn only_updated_nodes_are_reverted_the_last_one_first() {
        let mut progress = Progress::new(["n1", "n2", "n3", "n4"]);
        for (at, outcome) in [Outcome::Serves, Outcome::Serves, Outcome::TakenBack].into_iter().enumerate() {
            let _ = progress.ended(at, outcome.code(), State::after(&Ok(done(outcome))));
        }
        let found: Vec<_> = progress.updated().into_iter().map(|(at, old)| (at, old.label)).collect();
        assert_eq!(found, [(1, "old".into()), (0, "old".into())]);
        let _ = progress.ended(1, 0, State::Reverted("old".into()));
        assert_eq!(progress.updated().len(), 1);
        assert!(progress.to_string().contains("n2: reverted, runs old again"), "{progress}");
    }

    proptest! {
        #[test]
        fn nothing_is_touched_after_the_first_failure(codes in prop::collection::vec(0..3_u8, 0..9)) {
            let names: Vec<String> = (0..codes.len()).map(|number| format!("n{number}")).collect();
            let mut progress = Progress::new(names.iter().map(String::as_str));
            let mut positions = codes.iter().enumerate();
            let stopped = positions.try_for_each(|(at, code)| progress.ended(at, *code, State::Unknown));
            let failed = codes.iter().position(|code| *code != 0);
            let expected = failed.map_or(ControlFlow::Continue(()), |at| ControlFlow::Break(codes[at]));
            prop_assert_eq!(stopped, expected);
            let touched = progress.0.iter().filter(|(_, state)| *state != State::Untouched).count();
            prop_assert_eq!(touched, failed.map_or(codes.len(), |at| at + 1));
            prop_assert_eq!(progress.to_string().lines().count(), codes.len());
        }
    }
}
