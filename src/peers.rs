//! Peers: asking other nodes over kept-alive connections, and making one answer of theirs.
//!
//! - [`url`]: base URLs, parsed and checked
//! - [`validate`]: the section `[fanout]` as a whole
//! - [`connect`], [`tls`]: byte streams to an origin
//! - [`budget`]: hops and time that a request may still use
//! - [`outcome`]: what became of one question
//! - [`merge`]: many outcomes, one verdict

pub mod budget;
pub mod connect;
pub mod merge;
pub mod outcome;
pub mod tls;
pub mod url;
pub mod validate;
