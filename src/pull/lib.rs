//! Follows releases: a signed manifest on a web server names a system in the store of Nix; the machine
//! fetches it from a binary cache and switches to it. Whether it stays is the guard's verdict, as after any
//! switch.
//!
//! - [`app`]: from the command line ([`cli`]) to the exit code ([`outcome`])
//! - [`manifest`]: what a release says; [`signature`]: who says it
//! - [`poll`]: one look at the release, step by step; [`decision`] decides what follows from it, and
//!   [`memory`] is what the machine must not forget
//! - [`machine`]: what the machine is asked and told
//! - [`metrics`]: what became of it, for Prometheus
//! - [`promotion`]: whether the first machines are well enough to release to all

pub mod app;
pub mod cli;
mod decision;
mod fetch;
mod machine;
mod manifest;
mod memory;
mod metrics;
mod outcome;
mod poll;
mod promotion;
mod settings;
mod signature;
