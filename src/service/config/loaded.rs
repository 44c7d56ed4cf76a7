//! The result of loading a configuration.

use crate::config::{settings::Settings, sources::Sources};

/// A configuration that can be used.
#[derive(Debug)]
pub struct Loaded {
    /// All sources merged and checked.
    pub settings: Settings,
    /// The source of each value.
    pub sources: Sources,
    /// What works but should be changed, one line each: secrets that others can read, credentials that no
    /// setting uses.
    pub warnings: Vec<String>,
}
