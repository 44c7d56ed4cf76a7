//! What the service, its guard and their deployment share.
//!
//! - [`check`]: whether a running service is ready and echoes exactly as it must; [`challenge`] is the text
//!   it gets, [`verify`] checks the answer, [`unhealthy`] says what is wrong
//! - [`client`], [`target`]: the HTTP client of that check, and the address it asks
//! - [`url`], [`connect`], [`stream`], [`tls`]: byte streams to an HTTP service
//! - [`listen`]: addresses to listen on
//! - [`receipt`]: which build, machine and system answered
//! - [`units`]: durations and sizes in the syntax of the settings; [`timestamp`]: points in time
//! - [`journal`]: log events in the journal; [`escape`] makes control characters visible; [`last_words`]:
//!   what a program says without a log
//! - [`exit`]: exit codes; [`look`]: what became of a look for a newer version

pub mod challenge;
pub mod check;
pub mod client;
pub mod connect;
pub mod escape;
pub mod exit;
pub mod journal;
pub mod last_words;
pub mod listen;
pub mod look;
pub mod receipt;
#[cfg(feature = "schema")]
mod schema;
pub mod stream;
pub mod target;
pub mod timestamp;
pub mod tls;
pub mod unhealthy;
pub mod units;
pub mod url;
pub mod verify;
