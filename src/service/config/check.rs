//! Checks assignments one by one, so that all that is wrong is said at once, and merges those that are right.

use figment::{
    Error, Figment,
    error::{Actual, Kind},
    value::Value,
};

use crate::config::{assignment::Assignment, explain, invalid::Invalid, keys, settings::Settings};

/// What would be wrong with this assignment if it were the only one.
pub(super) fn refusal(given: &Assignment) -> Option<Error> {
    // serde would take its items for the keys in their order
    if let (Value::Array(..), [name]) = (&given.value, &given.path[..])
        && !keys::in_section(Some(name)).is_empty()
    {
        return Some(Kind::InvalidType(Actual::Seq, "struct".into()).into());
    }
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
