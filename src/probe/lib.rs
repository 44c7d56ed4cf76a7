//! What the service, its guard and their deployment have in common.
//!
//! - [`check`]: is a running service ready, and does it echo exactly as it must? [`challenge`] is what it is
//!   sent, [`verify`] what must come back, [`unhealthy`] why it does not
//! - [`client`], [`target`]: the HTTP client of that check, and whom it asks
//! - [`url`], [`connect`], [`stream`], [`tls`]: byte streams to an HTTP service
//! - [`listen`]: addresses to listen on
//! - [`receipt`]: which build, machine and system answered
//! - [`units`]: durations and sizes as settings spell them
//! - [`journal`]: log events in the journal; [`escape`]: what makes their control characters visible;
//!   [`last_words`]: what is said without a log
//! - [`exit`]: exit codes

pub mod challenge;
pub mod check;
pub mod client;
pub mod connect;
pub mod escape;
pub mod exit;
pub mod journal;
pub mod last_words;
pub mod listen;
pub mod receipt;
#[cfg(feature = "schema")]
mod schema;
pub mod stream;
pub mod target;
pub mod tls;
pub mod unhealthy;
pub mod units;
pub mod url;
pub mod verify;
