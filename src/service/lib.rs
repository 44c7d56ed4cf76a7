//! Unstoppable Echo: a fan-out echo service that tells the truth about its health. A module may use the
//! modules listed below it, never those above it.
//!
//! - [`app`], [`cli`]: the command line, from settings to exit code
//! - [`process`]: a process from start to end: serve, drain, reload, signals, watchdog
//! - [`net`]: listeners and connections
//! - [`http`]: the routes, and what every request needs
//! - [`state`]: what every request can see
//! - [`fanout`]: asks other nodes, all at once
//! - [`telemetry`]: logs, metrics, traces
//! - [`route`]: the names of the routes
//! - [`memory`]: a budget for bytes that others sent; [`permits`]: how threads share a limit
//! - [`config`]: the settings and their sources

pub mod app;
pub mod cli;
pub mod config;
pub mod fanout;
pub mod http;
mod memory;
pub mod net;
mod permits;
pub mod process;
pub mod route;
pub mod state;
pub mod telemetry;
