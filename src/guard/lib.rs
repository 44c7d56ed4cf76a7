//! The guard of a machine: a version that does not serve is taken back.
//!
//! Health is what the service serves, the way back is to the last version proven good, and a bad version is
//! remembered. Decisions are made over a small view of the machine ([`system::System`]); what happened is
//! kept in the [`ledger`].
//!
//! - [`verify`]: the trial of what runs, and the verdict
//! - [`rollback`]: the way back
//! - [`boot`]: what the boot loader is told
//! - [`human`]: what a human may decide
//! - [`nixos`], [`slots`]: the machine as it is: generations of a profile, or image slots
//! - [`update`]: the way to a newer image
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
