//! The guard of a machine: it rolls back a version that does not serve.
//!
//! A version is healthy if its service serves. The target of a rollback is the last version that was proven
//! good, and bad versions are remembered. All decisions use a small interface to the machine
//! ([`system::System`]); the [`ledger`] keeps what has happened.
//!
//! - [`verify`]: the trial of the running version, and its verdict
//! - [`rollback`]: the rollback to a good version
//! - [`boot`]: the choice of the boot loader
//! - [`human`]: decisions of humans
//! - [`nixos`], [`slots`]: the real machine, with generations of a profile or with image slots
//! - [`update`]: the update to a newer image
//! - [`app`]: the command line, from settings to exit code

pub mod app;
mod backend;
mod boot;
pub mod cli;
mod command;
mod counted;
mod efi;
mod events;
mod guard;
mod health;
mod host;
mod human;
mod images;
mod ledger;
mod lock;
mod log;
mod metrics;
mod nixos;
mod policy;
mod refusal;
mod report;
mod rollback;
mod runtime;
mod settings;
#[cfg(test)]
mod simulation;
mod slots;
mod soak;
mod status;
mod store;
mod system;
mod update;
mod updater;
mod verify;
mod version;
