//! What a release says: which system each machine of one wave shall run, and until when that holds.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use uecho_probe::{receipt::store_hash, timestamp::Timestamp};

/// A release. Keys of later versions are passed over: the signature covers them, too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// The machines that it is for: `prod`, ... A release for others is refused, although its signature is
    /// right.
    pub environment: String,
    /// Which of these machines: `canary`, `all`, ...
    pub wave: String,
    /// A release is newer than one with a lower number.
    pub sequence: u64,
    /// After this time nobody may follow it. A web server, or whoever is between, cannot keep machines at an
    /// old release for longer without their noticing.
    pub not_after: Timestamp,
    /// The system of each machine, by name. Machines that are all the same may share a name.
    pub systems: BTreeMap<String, StorePath>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// It is something else; the text names the key, and what would be right.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(text).map_err(|error| format!("the manifest cannot be read: {error}"))
    }
}

/// The path of an object in the store of Nix: `/nix/store/HASH-NAME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct StorePath(String);

impl StorePath {
    /// The path as a text.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for StorePath {
    type Err = String;

    /// The alphabet of names is that of Nix (`checkName` in `libstore/path.cc`): no other text reaches a
    /// command line.
    fn from_str(text: &str) -> Result<Self, String> {
        let name = |c: char| c.is_ascii_alphanumeric() || "+-._?=".contains(c);
        let hash = |c: char| c.is_ascii_digit() || (c.is_ascii_lowercase() && !"eotu".contains(c));
        let is_path = store_hash(Path::new(text)).is_some_and(|it| it.len() == 32 && it.chars().all(hash))
            && text.strip_prefix("/nix/store/").is_some_and(|rest| rest.chars().all(name));
        is_path.then(|| Self(text.into())).ok_or_else(|| {
            format!("`{text}` is no path of the store, which is like \"/nix/store/HASH-nixos-system-NAME\"")
        })
    }
}

impl<'de> Deserialize<'de> for StorePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl std::fmt::Display for StorePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
impl StorePath {
    /// A system of this name, for tests.
    pub(crate) fn system(name: &str) -> Self {
        Self(format!("/nix/store/{}-nixos-system-{name}", "0".repeat(32)))
    }
}

#[cfg(test)]
impl Manifest {
    /// A release for the canaries of prod, n1 and n2, for tests. The name is that of the system of n1.
    pub(crate) fn release(sequence: u64, not_after: u64, name: &str) -> Self {
        let systems = [("n1", name), ("n2", "another")];
        Self {
            environment: "prod".into(),
            wave: "canary".into(),
            sequence,
            not_after: Timestamp(not_after),
            systems: systems.map(|(machine, name)| (machine.into(), StorePath::system(name))).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_is_read_and_later_keys_are_passed_over() {
        let text = format!(
            r#"{{"environment": "prod", "wave": "canary", "sequence": 7, "not_after": "1970-01-01T00:00:09Z",
                 "systems": {{"n1": "{}", "n2": "{}"}}, "later": [1]}}"#,
            StorePath::system("a"),
            StorePath::system("another")
        );
        let manifest = Manifest::parse(text.as_bytes()).unwrap();
        assert_eq!(manifest, Manifest::release(7, 9, "a"));
        assert_eq!(Manifest::parse(&serde_json::to_vec(&manifest).unwrap()), Ok(manifest));
    }

    #[test]
    fn an_error_names_the_key_or_the_value() {
        for (text, named) in [
            ("", "EOF"),
            ("<html>", "expected value"),
            (r#"{"environment": "prod", "sequence": 1}"#, "`wave`"),
            (r#"{"sequence": -1}"#, "u64"),
            (r#"{"systems": {"n1": "/bin/sh"}}"#, "`/bin/sh` is no path of the store"),
            (r#"{"not_after": "tomorrow"}"#, "timestamp"),
        ] {
            let error = Manifest::parse(text.as_bytes()).unwrap_err();
            assert!(error.starts_with("the manifest cannot be read") && error.contains(named), "{error}");
        }
    }

    #[test]
    fn only_objects_of_the_store_are_systems() {
        let hash = "0123456789abcdfghijklmnpqrsvwxyz";
        let good = format!("/nix/store/{hash}-nixos-system-a-26.05+b");
        assert_eq!(good.parse::<StorePath>().unwrap().as_str(), good);
        for wrong in [
            String::new(),
            "/nix/store".into(),
            format!("/nix/store/{hash}"),
            format!("/nix/store/{hash}-"),
            format!("/nix/store/{hash}-a/bin"),
            format!("/nix/store/{hash}-a b"),
            format!("/nix/store/{hash}-a;b"),
            format!("/nix/store/{hash}-$a"),
            format!("/nix/store/../{hash}-a"),
            format!("/nix/store/{}e-a", &hash[1..]),
            format!("/nix/store/{}-a", &hash[1..]),
            format!("nix/store/{hash}-a"),
        ] {
            assert!(wrong.parse::<StorePath>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_manifest_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Manifest::parse(&bytes);
        }

        #[test]
        fn no_path_leaves_the_store(text in "(/nix/store/)?[a-z0-9./ $;-]{0,60}") {
            if let Ok(path) = text.parse::<StorePath>() {
                prop_assert_eq!(Path::new(path.as_str()).parent(), Some(Path::new("/nix/store")));
            }
        }
    }
}
