//! Listeners and connections: an accept loop of our own, because what protects it from slow and hostile
//! clients has to sit below HTTP.
//!
//! - [`listener`], [`inherited`], [`unix_socket`], [`accepted`], [`stream`]: where connections come from
//! - [`server`]: the listeners of one side; [`phase`] tells them what to do
//! - [`accept`]: the accept loop, [`last_call`] its end
//! - [`worker`]: where they go to
//! - [`connections`]: all of them, looked over by one sweeper, so that no request pays for a timer
//! - [`connection`]: one of them, [`transport`] its bytes, [`linger`] its end
//! - [`protocols`]: how hyper speaks HTTP

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
