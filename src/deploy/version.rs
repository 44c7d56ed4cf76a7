//! A version of a machine: its system in the store, and how its answers name it.

use std::path::Path;

use uecho_probe::receipt;

/// A system, and its name in receipts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    /// Path in the store.
    pub system: String,
    /// Its label and its hash in the store, as the receipt has them.
    pub label: String,
}

impl Version {
    /// The system at this path, which has this label.
    #[must_use]
    pub(crate) fn new(system: String, label: &str) -> Self {
        let label = match receipt::store_hash(Path::new(&system)) {
            Some(hash) => format!("{label}+{hash}"),
            None => label.into(),
        };
        Self { system, label }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_is_followed_by_the_hash() {
        let label = |system: &str| Version::new(system.into(), "26.05").label;
        assert_eq!(label("/nix/store/abc-nixos-system-x"), "26.05+abc");
        assert_eq!(label("/srv/system"), "26.05");
    }
}
