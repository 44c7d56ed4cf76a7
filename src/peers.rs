//! Peers: asking other nodes over kept-alive connections, and making one answer of theirs.
//!
//! - [`url`]: base URLs, parsed and checked
//! - [`connect`]: byte streams to an origin, TCP or TLS

pub mod connect;
pub mod tls;
pub mod url;
