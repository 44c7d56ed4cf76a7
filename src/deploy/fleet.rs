//! A rollout: one deployment after the other, in waves, to the nodes behind a load balancer.
//!
//! - [`file`]: which nodes there are; [`waves`]: how many at a time
//! - [`rollout`]: the rollout; [`progress`]: what runs where, and when it stops
//! - [`balancer`], [`exporter`]: what `HAProxy` says, and what clients see through it
//! - [`bake`]: whether the fleet is well after a wave
//! - [`lock`]: one rollout at a time

pub(crate) mod bake;
mod balancer;
mod exporter;
pub(crate) mod file;
mod lock;
mod progress;
pub(crate) mod rollout;
pub(crate) mod waves;
