//! A process from start to end.
//!
//! - [`run`]: serves until a signal comes or a task dies; [`serving`] is one side of it, [`error`] says why
//!   it ends
//! - [`tasks`]: background tasks, none of which dies unseen
//! - [`signals`]: what the service manager or an operator asks for
//! - [`reload`]: reads the settings again; [`monitor`]: checks whether enough peers are up; [`watchdog`]: the
//!   service asks itself
//! - [`threads`]: the threads that serve
//! - [`drain`]: stops serving
//! - [`systemd`]: the messages to the service manager

mod drain;
pub(crate) mod error;
mod monitor;
mod reload;
pub(crate) mod run;
pub mod serving;
mod signals;
mod systemd;
mod tasks;
pub(crate) mod threads;
mod watchdog;
