//! Listeners and connections. The service has its own accept loop, because the protection against slow and
//! hostile clients must work below HTTP.
//!
//! - [`listener`], [`inherited`], [`unix_socket`]: sockets that accept
//! - [`accepted`], [`stream`]: an accepted connection before and after a runtime watches it
//! - [`server`]: the listeners of one side; they follow the [`phase`] of the process
//! - [`accept`]: the accept loop; [`last_call`] empties the queue before a listener is closed
//! - [`worker`]: a thread that serves connections
//! - [`connections`]: all connections of one side; one sweeper checks their limits, so that no request needs
//!   a timer
//! - [`connection`]: one connection; [`transport`] is its byte stream, [`linger`] closes it
//! - [`protocols`]: the settings of hyper for HTTP/1 and HTTP/2

mod accept;
mod accepted;
mod connection;
mod connections;
pub(crate) mod inherited;
mod last_call;
mod linger;
pub mod listener;
pub(crate) mod phase;
mod protocols;
pub(crate) mod server;
mod stream;
mod transport;
mod unix_socket;
pub mod worker;
