//! The answer to a fan-out.

use serde::Serialize;
use uecho_probe::receipt::Receipt;

use crate::{
    config::settings::Policy,
    fanout::{merge::Completeness, tree::Hop},
};

/// The content of the answer, as JSON or drawn as a page.
#[derive(Serialize)]
pub(super) struct FanIn<'a> {
    pub(super) text: &'a str,
    /// What this node itself echoes.
    pub(super) message: String,
    pub(super) policy: Policy,
    pub(super) status: Completeness,
    pub(super) elapsed_ms: f64,
    pub(super) receipt: &'a Receipt,
    pub(super) replies: &'a [Hop<'a>],
}
