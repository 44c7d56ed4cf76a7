//! A partition of a slot, known by its label: `uecho_VERSION` is a store, `uecho_VERSION_verity` its hash
//! tree, `_empty` a free one.

use uuid::Uuid;

/// `IMAGE_ID`, the first part of every name.
pub(crate) const IMAGE_ID: &str = "uecho";
/// The label of a free partition of a slot.
pub(crate) const EMPTY: &str = "_empty";

/// An entry of the partition table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    /// Number on the disk, from 1.
    pub number: u32,
    /// Partition type; systemd-sysupdate gives one that is half written a type of its own.
    pub type_id: Uuid,
    /// UUID of the partition.
    pub id: Uuid,
    /// Label.
    pub label: String,
}

/// The two partitions of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The file system.
    Store,
    /// Its hash tree.
    Verity,
}

impl Partition {
    /// Which of a slot's two it is; `None` where the label does not tell.
    #[must_use]
    pub(crate) fn kind(&self) -> Option<Kind> {
        self.parts().map(|(_, kind)| kind)
    }

    /// The version that it is, or was to become, a part of.
    #[must_use]
    pub(crate) fn version(&self) -> Option<&str> {
        self.parts().map(|(version, _)| version)
    }

    fn parts(&self) -> Option<(&str, Kind)> {
        let name = self.label.strip_prefix(IMAGE_ID)?.strip_prefix('_')?;
        Some(match name.strip_suffix("_verity") {
            Some(version) => (version, Kind::Verity),
            None => (name, Kind::Store),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_tells_version_and_kind() {
        for (label, expected) in [
            ("uecho_1.2.3", Some(("1.2.3", Kind::Store))),
            ("uecho_1.2.3_verity", Some(("1.2.3", Kind::Verity))),
            (EMPTY, None),
            ("var", None),
            ("uechoes", None),
        ] {
            let partition =
                Partition { number: 1, type_id: Uuid::nil(), id: Uuid::nil(), label: label.into() };
            assert_eq!(partition.version().zip(partition.kind()), expected, "{label}");
        }
    }
}
