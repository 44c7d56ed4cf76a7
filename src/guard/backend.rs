//! The kinds of machines.

use std::path::Path;

use crate::{
    host::Host,
    images::order,
    nixos::NixOs,
    settings::Settings,
    slots::Slots,
    system::{Result, System, SystemError},
    version::Version,
};

/// A kind of machine.
pub(crate) trait Backend: System + Sized {
    /// The machine that the settings describe.
    ///
    /// # Errors
    /// The runtime cannot be started.
    fn new(settings: &Settings) -> Result<Self>;

    /// The version that a human or a tool names; it may be gone from the machine.
    ///
    /// # Errors
    /// It cannot be a version of this kind of machine.
    fn named(name: &Path) -> Result<Version>;

    /// The host below.
    fn host(&self) -> &Host;
}

impl Backend for NixOs {
    fn new(settings: &Settings) -> Result<Self> {
        Self::new(settings)
    }

    fn named(name: &Path) -> Result<Version> {
        match Self::resolve(name) {
            Err(_) if name.starts_with("/nix/store") => Ok(Version::new(name.to_string_lossy())),
            other => other,
        }
    }

    fn host(&self) -> &Host {
        &self.host
    }
}

impl Backend for Slots {
    fn new(settings: &Settings) -> Result<Self> {
        Self::new(settings)
    }

    fn named(name: &Path) -> Result<Version> {
        let name = name.to_string_lossy();
        match order::problem(&name) {
            Some(problem) => Err(SystemError(format!("the version `{name}` {problem}"))),
            None => Ok(Version::new(name)),
        }
    }

    fn host(&self) -> &Host {
        &self.host
    }
}
