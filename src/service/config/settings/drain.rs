//! `[drain]`: how the service stops.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uecho_probe::units::DurationValue;

use crate::config::checker::Checker;

/// `[drain]`
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Drain {
    /// How long the listener stays open after the signal, with `/readyz` already 503.
    pub delay: DurationValue,
    /// How long requests in flight may take after that; those that are left are cut.
    pub deadline: DurationValue,
}

impl Default for Drain {
    fn default() -> Self {
        Self { delay: DurationValue::secs(0), deadline: DurationValue::secs(20) }
    }
}

impl Drain {
    pub(super) fn check(&self, checker: &mut Checker) {
        checker.at_most("drain.delay", self.delay, DurationValue::secs(60 * 60));
        checker.at_most("drain.deadline", self.deadline, DurationValue::secs(60 * 60));
    }
}
