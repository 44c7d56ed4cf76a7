//! What loading gives.

use crate::config::{settings::Settings, sources::Sources};

/// A configuration that can be used.
#[derive(Debug)]
pub struct Loaded {
    /// All sources merged, checked.
    pub settings: Settings,
    /// Where each value came from.
    pub sources: Sources,
    /// What works but should be changed, a line each: secrets where others can read them, credentials nobody
    /// asked for.
    pub warnings: Vec<String>,
}
