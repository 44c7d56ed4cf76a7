//! Checks entries one by one, so that all that is wrong is said at once, and merges those that are right.

use figment::{Error, Figment};

use crate::config::{Settings, entry::Entry, problem::Problem};

/// What would be wrong with this entry if it were the only one.
pub(super) fn refusal(entry: &Entry) -> Option<Error> {
    Figment::from(entry).extract::<Settings>().err()
}

/// Merges entries, the later over the earlier; a wrong one is reported and left out.
pub(super) fn merge(entries: &[Entry], problems: &mut Vec<Problem>) -> Figment {
    let mut figment = Figment::new();
    for entry in entries {
        match refusal(entry) {
            None => figment = figment.merge(entry),
            Some(error) => problems.push(Problem::of(entry, &error)),
        }
    }
    figment
}
