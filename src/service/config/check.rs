//! Checks assignments one by one, so that all that is wrong is said at once, and merges those that are right.

use figment::{Error, Figment};

use crate::config::{assignment::Assignment, explain, invalid::Invalid, settings::Settings};

/// What would be wrong with this assignment if it were the only one.
pub(super) fn refusal(given: &Assignment) -> Option<Error> {
    Figment::from(given).extract::<Settings>().err()
}

/// Merges assignments, the later over the earlier; a wrong one is reported and left out.
pub(super) fn merge(assignments: &[Assignment], invalid: &mut Vec<Invalid>) -> Figment {
    let mut figment = Figment::new();
    for given in assignments {
        match refusal(given) {
            None => figment = figment.merge(given),
            Some(error) => invalid.push(explain::explain(given, &error)),
        }
    }
    figment
}
