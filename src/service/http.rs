//! HTTP: [`service`] does what every request needs, [`router`] lists the routes of each listener, and
//! [`routes`] contains their handlers.

pub(crate) mod activity;
mod auth;
mod body;
mod deadline;
mod head;
mod json;
mod limits;
pub mod negotiate;
pub mod problem;
mod router;
pub mod routes;
pub mod service;
mod target;
