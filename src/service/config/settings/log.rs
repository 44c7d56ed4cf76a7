//! `[log]`: what is logged, and how.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;
use uecho_probe::units::DurationValue;

use crate::config::checker::{Checker, DAY};

/// The format of log lines on standard error. The journal always gets structured fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// The journal when standard error is the journal, else text.
    #[default]
    Auto,
    /// One line of text per event.
    Text,
    /// One JSON object per event.
    Json,
}

/// Which requests are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Status 5xx, slower than `log.slow`, or cut.
    #[default]
    Errors,
    /// Every request.
    All,
    /// No request.
    Off,
}

/// `[log]`
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Directives of `tracing_subscriber::EnvFilter`, like `info,uecho=debug`.
    pub filter: String,
    /// Where and how events are written.
    pub format: LogFormat,
    /// Which requests are logged.
    pub access: Access,
    /// A request that takes this long or longer is slow.
    pub slow: DurationValue,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            filter: "info".into(),
            format: LogFormat::Auto,
            access: Access::Errors,
            slow: DurationValue::secs(1),
        }
    }
}

impl Log {
    /// Checks that the filter can be parsed.
    pub(super) fn check(&self, checker: &mut Checker) {
        if let Err(error) = EnvFilter::builder().parse(&self.filter) {
            checker.refuse("log.filter", format!("{error}; write it like \"info\" or \"info,uecho=debug\""));
        }
        checker.at_most("log.slow", self.slow, DAY);
    }
}
