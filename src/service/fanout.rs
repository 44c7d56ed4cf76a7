//! Fan-out: the service asks other nodes over kept-alive connections and makes one answer of theirs.
//!
//! - [`peers`]: the other nodes, as the settings name them
//! - `link`, [`pool`]: kept-alive connections to one peer
//! - [`budget`]: hops and time that a request may still use
//! - [`question`]: the request that a peer gets
//! - `ask`: asks one peer; [`outcome`], [`reply`]: the result of that
//! - [`parallel`]: asks all peers at once
//! - [`tree`]: what peers say of their own peers
//! - [`merge`]: makes one verdict of many outcomes

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
