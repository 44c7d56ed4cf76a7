//! Why a service is not healthy: one step and one fault, in one line.

use std::fmt;

use serde::Serialize;

/// A step of the check, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// `GET /readyz` must be 200 `{"ready": true}`.
    Readyz,
    /// The text as an HTML page, escaped.
    Page,
    /// The text as JSON.
    Json,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 3] = [Self::Readyz, Self::Page, Self::Json];
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Readyz => "readyz",
            Self::Page => "page",
            Self::Json => "json",
        })
    }
}

/// What is wrong with a service.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// There was no connection, or it broke before the answer was complete.
    #[error("{detail}")]
    Unreachable {
        /// What failed, in the words of the system.
        detail: String,
    },
    /// The whole check took too long.
    #[error("no answer within {seconds} s")]
    Timeout {
        /// The time limit.
        seconds: f64,
    },
    /// `/readyz` is 503.
    #[error("not ready: {}", reasons.join(", "))]
    NotReady {
        /// The reasons that the service gives.
        reasons: Vec<String>,
    },
    /// An answer came, but it did not read as it must.
    #[error("{detail}")]
    WrongAnswer {
        /// The first difference found.
        detail: String,
    },
    /// A healthy service answered, but another than expected.
    #[error("{key} is `{actual}`, expected `{expected}`")]
    Unexpected {
        /// `version`, `revision` or `system`.
        key: &'static str,
        /// The value that was expected.
        expected: String,
        /// The value that the receipt has.
        actual: String,
    },
}

impl Fault {
    /// An answer that did not read as it must.
    #[must_use]
    pub fn wrong(detail: impl Into<String>) -> Self {
        Self::WrongAnswer { detail: detail.into() }
    }

    /// No connection, or a broken one.
    #[must_use]
    pub fn unreachable(detail: impl Into<String>) -> Self {
        Self::Unreachable { detail: detail.into() }
    }
}

/// A failed check.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[error("{step}: {fault}")]
pub struct Unhealthy {
    /// The step that failed.
    pub step: Step,
    /// What was wrong.
    #[serde(flatten)]
    pub fault: Fault,
}

impl Unhealthy {
    /// A fault at a step.
    #[must_use]
    pub fn new(step: Step, fault: Fault) -> Self {
        Self { step, fault }
    }
}
