//! `[fanout]`: peers, and what to make of their answers.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uecho_probe::units::Span;

use crate::config::settings::{policy::Policy, secret};

/// `[fanout]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fanout {
    /// Base URLs; `/` and the percent-encoded text are appended.
    pub peers: Vec<String>,
    /// When the answer counts as met.
    pub policy: Policy,
    /// Deadline budget of a whole tree.
    pub timeout: Span,
    /// `X-Uecho-Hops` at which the answer is 508.
    pub max_hops: u32,
    /// How many peers must be up for `/readyz` to be 200.
    pub ready_policy: Policy,
    /// PEM file of certificate authorities for https peers, instead of the system's.
    pub ca: Option<PathBuf>,
    /// Sent to peers as a bearer token.
    #[serde(serialize_with = "secret::redacted")]
    pub token: Option<SecretString>,
}

impl Default for Fanout {
    fn default() -> Self {
        Self {
            peers: Vec::new(),
            policy: Policy::BestEffort,
            timeout: Span::secs(2),
            max_hops: 4,
            ready_policy: Policy::BestEffort,
            ca: None,
            token: None,
        }
    }
}
