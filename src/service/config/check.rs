//! Checks assignments one by one, so that the error can name everything that is wrong, and merges the valid
//! ones.

use figment::{
    Error, Figment,
    error::{Actual, Kind},
    value::Value,
};

use crate::config::{assignment::Assignment, explain, invalid::Invalid, keys, settings::Settings};

/// The error that this assignment would cause if it were the only one.
pub(super) fn refusal(given: &Assignment) -> Option<Error> {
    // serde would accept the items of a list as the keys in their order
    if let (Value::Array(..), [name]) = (&given.value, &given.path[..])
        && !keys::in_section(Some(name)).is_empty()
    {
        return Some(Kind::InvalidType(Actual::Seq, "struct".into()).into());
    }
    Figment::from(given).extract::<Settings>().err()
}

/// Merges assignments, the later over the earlier; an invalid one is reported and left out.
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
