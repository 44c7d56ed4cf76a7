//! A process from start to end.
//!
//! - [`run`]: serving, until a signal or a death; [`serving`] is one side of it, [`error`] why it ends
//! - [`tasks`]: background tasks, none of which dies unseen
//! - [`signals`]: what the service manager or an operator asks for
//! - [`reload`]: settings read again; [`monitor`]: whether enough peers are up; [`watchdog`]: the service
//!   asks itself
//! - [`threads`]: those that serve
//! - [`drain`]: the way down
//! - [`systemd`]: what the service manager is told

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
