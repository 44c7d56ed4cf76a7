//! Deploys one version to one machine, and says what was proven: that the new version serves, or that the old
//! one serves again.
//!
//! If the machine has a guard (`uecho-guard`), the guard gives the verdict; otherwise this program does, and
//! switches back itself. nix and ssh are called as programs.
//!
//! - [`app`]: from the command line ([`cli`]) to the exit code ([`outcome`], [`error`])
//! - [`deployment`]: the deployment itself, step by step; [`conclusion`] is its end, and [`decision`] decides
//!   what follows from what
//! - [`nix`], [`ssh`], [`machine`]: build and copy, the connection, and what the machine is asked and told
//! - [`judgement`], [`guard`]: waiting for the guard's verdict, and what the guard says
//! - [`proof`]: whether the machine serves, as seen from here
//! - [`fleet`]: many machines behind a load balancer, one after the other

mod address;
pub mod app;
pub mod cli;
mod conclusion;
mod decision;
mod deployment;
mod error;
mod flake;
mod fleet;
mod guard;
mod judgement;
mod machine;
mod nix;
mod outcome;
mod program;
mod proof;
mod say;
mod ssh;
mod version;
mod words;
