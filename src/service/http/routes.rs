//! The handlers, one module per route.

pub mod echo;
pub(super) mod fanout;
pub(super) mod health;
pub(super) mod mirror;
pub(super) mod root;
