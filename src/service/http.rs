//! HTTP: what surrounds every request is in [`service`], which route is whose in [`router`], the routes
//! themselves in [`routes`].

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
