//! The `system` in the receipt of a version, and what a different one means.

use std::{fs, path::Path};

use uecho_probe::receipt;

use crate::system::{Illness, Outlook};

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The names of a version in receipts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Its label; `None` if it has none: then any name is accepted.
    label: Option<String>,
    /// The hash of its store path; `None` if it is not in the store.
    hash: Option<String>,
}

impl Identity {
    /// The names of a version with this label and toplevel.
    #[must_use]
    pub(crate) fn new(label: Option<&str>, toplevel: &Path) -> Self {
        Self {
            label: label.map(|label| receipt::printable(label.trim())),
            hash: receipt::store_hash(toplevel).map(str::to_owned),
        }
    }

    /// Compares the `system` of a receipt, `LABEL+HASH`. `LABEL` alone is right, too: a service without the
    /// setting for the hash, or an older one, says no more, and a rollback to it must not fail because of
    /// that.
    ///
    /// # Errors
    /// Another version answers. If it has the label of this one, it may not have been reloaded yet.
    pub(crate) fn check(&self, system: &str) -> Result<(), Illness> {
        let Some(label) = &self.label else { return Ok(()) };
        let expected = self.hash.as_ref().map_or_else(|| label.clone(), |hash| format!("{label}+{hash}"));
        if system == expected || system == label {
            return Ok(());
        }
        let same_label = system.strip_prefix(label.as_str()).is_some_and(|rest| rest.starts_with('+'));
        let outlook = if same_label { Outlook::MayPass } else { Outlook::Wrong };
        let reason = format!("system is `{system}`, expected `{expected}`");
        Err(Illness::new("probe", reason).but(outlook))
    }
}

/// The id of this boot, without dashes as in the receipt.
pub(crate) fn boot_id() -> String {
    fs::read_to_string(BOOT_ID).unwrap_or_default().trim().replace('-', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outlook(identity: &Identity, system: &str) -> Option<Outlook> {
        identity.check(system).err().map(|illness| illness.outlook)
    }

    #[test]
    fn the_very_system_must_answer_and_not_only_one_of_the_same_label() {
        let identity = Identity { label: Some("26.05".into()), hash: Some("abc".into()) };
        for (system, expected) in [
            ("26.05+abc", None),
            ("26.05", None),
            ("26.05+abd", Some(Outlook::MayPass)),
            ("26.05+unknown", Some(Outlook::MayPass)),
            ("26.05.1+abc", Some(Outlook::Wrong)),
            ("another+abc", Some(Outlook::Wrong)),
            ("unknown", Some(Outlook::Wrong)),
        ] {
            assert_eq!(outlook(&identity, system), expected, "{system}");
        }
        let text = identity.check("26.05+abd").unwrap_err().reason;
        assert_eq!(text, "system is `26.05+abd`, expected `26.05+abc`");
    }

    #[test]
    fn outside_of_the_store_the_label_is_all_there_is() {
        assert_eq!(Identity::new(None, Path::new("/tmp/a")), Identity { label: None, hash: None });
        let identity = Identity::new(Some("26.05 a;b\n"), Path::new("/tmp/a"));
        assert_eq!(identity, Identity { label: Some("26.05_a_b".into()), hash: None });
        assert_eq!(outlook(&identity, "26.05_a_b"), None);
        assert_eq!(outlook(&identity, "26.05"), Some(Outlook::Wrong));
    }

    #[test]
    fn the_hash_is_that_of_the_store_path() {
        let identity = Identity::new(None, Path::new("/nix/store/abc-nixos-system-x"));
        assert_eq!(identity.hash.as_deref(), Some("abc"));
    }
}
