//! Unstoppable Echo: a fan-out echo service that tells the truth about its health.
//!
//! - [`config`]: what the service can be told, and by whom
//! - [`memory`]: a budget for what is held of what others sent
//! - [`web`]: routes, and what surrounds every request
//! - [`peers`]: other nodes, asked all at once
//! - [`server`]: listeners and connections
//! - [`telemetry`]: logs, metrics, traces
//! - [`probe`]: the check of a running service
//! - [`guard`]: the second program, which takes back a version that does not serve
//! - [`serve`], [`lifecycle`], [`reload`], [`watchdog`]: a process from start to end
//! - [`app`]: the command line, from settings to exit code

pub mod app;
pub mod cli;
pub mod config;
pub mod guard;
pub mod lifecycle;
pub mod memory;
pub mod peers;
pub mod probe;
pub mod readiness;
pub mod receipt;
pub mod reload;
pub mod serve;
pub mod server;
pub mod state;
pub mod systemd;
pub mod telemetry;
pub mod watchdog;
pub mod web;
