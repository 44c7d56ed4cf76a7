//! A boot entry: a unified kernel image on the boot partition. Its name contains the version and the boots
//! left, its command line names the partitions that it needs.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    images::partition::{IMAGE_ID, Kind},
    version::Version,
};

/// A unified kernel image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// `IMAGE_VERSION`.
    pub version: Version,
    /// Boots left and made; `None` if they are not counted (any more).
    pub counter: Option<Counter>,
    /// `usrhash=` of its command line; `None` if there is none.
    pub usrhash: Option<RootHash>,
    /// Name of the file.
    pub file: String,
}

/// The boot loader's counter of boots, in the name as `+LEFT-DONE` or `+LEFT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counter {
    /// Boots left.
    pub left: u32,
    /// Boots made.
    pub done: u32,
}

impl Entry {
    /// The version and counter in the name of a file; `None` if the file is no entry of an image.
    #[must_use]
    pub(crate) fn parse(file: &str) -> Option<(Version, Option<Counter>)> {
        let stem = file.strip_suffix(".efi")?.strip_prefix(IMAGE_ID)?.strip_prefix('_')?;
        let (version, counter) = match stem.split_once('+') {
            None => (stem, None),
            Some((version, counter)) => (version, Some(Counter::parse(counter)?)),
        };
        (!version.is_empty()).then(|| (Version::new(version), counter))
    }

    /// Whether the boot loader has no boots left for it.
    #[must_use]
    pub(crate) fn is_used_up(&self) -> bool {
        self.counter.is_some_and(|counter| counter.left == 0)
    }

    /// Whether it was never booted.
    #[must_use]
    pub(crate) fn is_untried(&self) -> bool {
        self.counter.is_some_and(|counter| counter.left > 0 && counter.done == 0)
    }

    /// The name that marks it as bad, as systemd-bless-boot writes it.
    #[must_use]
    pub(crate) fn bad_name(&self) -> String {
        match self.counter.map_or(0, |counter| counter.done) {
            0 => format!("{IMAGE_ID}_{}+0.efi", self.version),
            done => format!("{IMAGE_ID}_{}+0-{done}.efi", self.version),
        }
    }
}

/// The name of an entry without its counter, which is also its id for the boot loader.
#[must_use]
pub(crate) fn good_name(version: &Version) -> String {
    format!("{IMAGE_ID}_{version}.efi")
}

impl Counter {
    /// Reads `LEFT-DONE` or `LEFT`.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (left, done) = text.split_once('-').unwrap_or((text, "0"));
        let number =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
        Some(Self { left: number(left)?, done: number(done)? })
    }
}

/// The root hash of a dm-verity device, which names its two partitions: the first half is the UUID of the
/// data, the second that of the hash tree (systemd-gpt-auto-generator(8)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct RootHash(String);

impl RootHash {
    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let right = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        right.then(|| Self(text.to_ascii_lowercase()))
    }

    /// The `usrhash=` of a kernel command line.
    #[must_use]
    pub(crate) fn of_command_line(text: &str) -> Option<Self> {
        text.split_whitespace().find_map(|option| Self::parse(option.strip_prefix("usrhash=")?))
    }

    /// The digits.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The UUID of the partition of this kind.
    #[must_use]
    pub(crate) fn partition(&self, kind: Kind) -> Uuid {
        let half = match kind {
            Kind::Store => self.0.get(..32),
            Kind::Verity => self.0.get(32..),
        };
        half.and_then(|half| Uuid::parse_str(half).ok()).unwrap_or_default()
    }

    /// The UUIDs of both partitions.
    #[must_use]
    pub(crate) fn partitions(&self) -> [Uuid; 2] {
        [Kind::Store, Kind::Verity].map(|kind| self.partition(kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_version_and_counter() {
        for (name, expected) in [
            ("uecho_1.2.3.efi", Some(("1.2.3", None))),
            ("uecho_1.2.3+3-0.efi", Some(("1.2.3", Some((3, 0))))),
            ("uecho_1.2.3~rc1+3.efi", Some(("1.2.3~rc1", Some((3, 0))))),
            ("uecho_1.2.3+0-3.efi", Some(("1.2.3", Some((0, 3))))),
            ("uecho_1.2.3+x.efi", None),
            ("uecho_1.2.3++3.efi", None),
            ("uecho_1.2.3+3-+1.efi", None),
            ("uecho_1.2.3+3-.efi", None),
            ("uecho_.efi", None),
            ("uecho_1.2.3.efi.tmp", None),
            (".sysupdate.partial.1.2.3", None),
            ("other_1.2.3.efi", None),
        ] {
            let expected = expected.map(|(version, counter)| {
                (Version::new(version), counter.map(|(left, done)| Counter { left, done }))
            });
            assert_eq!(Entry::parse(name), expected, "{name}");
        }
    }

    #[test]
    fn the_names_of_good_and_bad_are_those_of_systemd_bless_boot() {
        for (name, bad) in [
            ("uecho_1+2-1.efi", "uecho_1+0-1.efi"),
            ("uecho_1+3-0.efi", "uecho_1+0.efi"),
            ("uecho_1.efi", "uecho_1+0.efi"),
            ("uecho_1+0-3.efi", "uecho_1+0-3.efi"),
        ] {
            let (version, counter) = Entry::parse(name).unwrap();
            let entry = Entry { version, counter, usrhash: None, file: name.into() };
            assert_eq!((entry.bad_name().as_str(), good_name(&entry.version).as_str()), (bad, "uecho_1.efi"));
        }
    }

    #[test]
    fn a_root_hash_names_its_partitions() {
        let text = "235982fbaabbccddeeff001122334455 96E69927aabbccddeeff001122334455".replace(' ', "");
        let hash = RootHash::of_command_line(&format!("quiet usrhash={text} panic=10\n")).unwrap();
        assert_eq!(hash.partition(Kind::Store).to_string(), "235982fb-aabb-ccdd-eeff-001122334455");
        assert_eq!(hash.partition(Kind::Verity).to_string(), "96e69927-aabb-ccdd-eeff-001122334455");
        for wrong in ["usrhash=", "roothash=", &text[1..], "usrhash=zz"] {
            assert_eq!(RootHash::of_command_line(wrong), None, "{wrong}");
        }
    }
}
