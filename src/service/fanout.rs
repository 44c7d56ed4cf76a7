//! Fan-out: other nodes, asked over kept-alive connections, and one answer made of theirs.
//!
//! - [`peers`]: who they are
//! - `link`, [`pool`]: kept-alive connections to one peer
//! - [`budget`]: hops and time that a request may still use
//! - [`question`]: what a peer is sent
//! - `ask`: one peer asked; [`outcome`], [`reply`]: what became of it
//! - [`parallel`]: all peers asked at once
//! - [`tree`]: what peers say of their own peers
//! - [`merge`]: many outcomes, one verdict

mod ask;
pub(crate) mod budget;
mod link;
pub mod merge;
pub mod outcome;
mod parallel;
pub(crate) mod peers;
mod pool;
pub(crate) mod question;
pub(crate) mod reply;
pub mod tree;
