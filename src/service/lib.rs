//! Unstoppable Echo: a fan-out echo service that tells the truth about its health. Whoever is named first may
//! use those named later, never the other way round.
//!
//! - [`app`], [`cli`]: the command line, from settings to exit code
//! - [`process`]: a process from start to end: serve, drain, reload, signals, watchdog
//! - [`net`]: listeners and connections
//! - [`http`]: routes, and what surrounds every request
//! - [`state`]: what every request can see
//! - [`fanout`]: other nodes, asked all at once
//! - [`telemetry`]: logs, metrics, traces
//! - [`route`]: the names of the routes
//! - [`memory`]: a budget for what is held of what others sent, [`permits`] how threads share a limit
//! - [`config`]: what the service can be told, and by whom

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
