//! The receipt: which build, machine and system generation answered.

use std::{
    io,
    path::{Path, PathBuf},
};

use http::HeaderValue;
use serde::{Deserialize, Serialize};

/// Version of this build, from Cargo.toml.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Source revision of this build: `UECHO_REVISION` at compile time.
pub const REVISION: &str = match option_env!("UECHO_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// Every answer contains it: as `X-Uecho-Receipt: version=..; revision=..; instance=..; system=..; boot=..`,
/// and in JSON as an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Version of the build.
    pub version: String,
    /// Source revision of the build.
    pub revision: String,
    /// Name of the node.
    pub instance: String,
    /// System generation or image version, from the configuration; with `current_system`, followed by `+` and
    /// the hash of the running system.
    pub system: String,
    /// Boot id of the kernel (`/proc/sys/kernel/random/boot_id`), without dashes as in sd-id128(3).
    pub boot: String,
}

impl Receipt {
    /// The receipt of this process. `current_system` is the link to the running system; this logs a warning
    /// when it leads to no hash.
    #[must_use]
    pub fn of(instance: &str, label: &str, current_system: Option<&Path>) -> Self {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .unwrap_or_default()
            .trim()
            .replace('-', "");
        Self {
            version: VERSION.into(),
            revision: REVISION.into(),
            instance: printable(instance),
            system: printable(&match current_system {
                Some(link) => format!("{label}+{}", hash_or_unknown(link)),
                None => label.into(),
            }),
            boot: if boot.is_empty() { "unknown".into() } else { boot },
        }
    }

    /// The receipt as a header value.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        let Self { version, revision, instance, system, boot } = self;
        let text = format!(
            "version={version}; revision={revision}; instance={instance}; system={system}; boot={boot}"
        );
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("unprintable"))
    }

    /// Reads a header value; `None` when a key is missing.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let field = |name: &str| {
            header.split("; ").find_map(|part| part.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
        };
        Some(Self {
            version: field("version")?,
            revision: field("revision")?,
            instance: field("instance")?,
            system: field("system")?,
            boot: field("boot")?,
        })
    }
}

fn hash_or_unknown(link: &Path) -> String {
    let found = resolve(link).map_err(|error| error.to_string()).and_then(|path| {
        let wrong = || format!("leads to {}, which is not /nix/store/HASH-NAME", path.display());
        store_hash(&path).map(str::to_owned).ok_or_else(wrong)
    });
    found.unwrap_or_else(|reason| {
        let link = link.display();
        tracing::warn!("configuration: current_system: {link}: {reason}; the receipt says unknown");
        "unknown".into()
    })
}

/// Follows a chain of symbolic links to its end. The end may not exist here, because a sandbox may hide it.
fn resolve(link: &Path) -> io::Result<PathBuf> {
    /// The number of links that Linux follows, `path_resolution(7)`.
    const MOST: usize = 40;
    link.symlink_metadata()?;
    let mut path = link.to_owned();
    for _ in 0..MOST {
        match path.read_link() {
            Ok(target) => path = path.parent().unwrap_or(link).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many levels of symbolic links"))
}

/// The hash in the path of a store object, `/nix/store/HASH-NAME`.
#[must_use]
pub fn store_hash(path: &Path) -> Option<&str> {
    let name = path.strip_prefix("/nix/store").ok()?.to_str()?;
    let (hash, rest) = name.split_once('-')?;
    (!hash.is_empty() && !rest.is_empty() && !name.contains('/')).then_some(hash)
}

/// Makes a value fit into the header, whose separator is `; `: every character other than visible ASCII, and
/// `;`, becomes `_`.
#[must_use]
pub fn printable(value: &str) -> String {
    value.chars().map(|c| if c.is_ascii_graphic() && c != ';' { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_can_be_read_back() {
        let receipt = Receipt::of("node a;b\r\n", "26.05.label", None);
        assert_eq!(receipt.instance, "node_a_b__");
        assert_eq!(Receipt::parse(receipt.header().to_str().unwrap()).unwrap(), receipt);
        assert_eq!(Receipt::parse("version=1"), None);
    }

    #[test]
    fn only_an_object_of_the_store_has_a_hash() {
        let hash = |path: &str| store_hash(Path::new(path)).map(str::to_owned);
        assert_eq!(hash("/nix/store/abc123-nixos-system-x-26.05").as_deref(), Some("abc123"));
        for other in [
            "/nix/store/abc123",
            "/nix/store/-x",
            "/nix/store/abc-",
            "/nix/store/a/b-c",
            "/srv/abc-x",
            "abc-x",
        ] {
            assert_eq!(hash(other), None, "{other}");
        }
    }

    #[test]
    fn links_are_followed_to_the_target_of_the_last_one() {
        let directory = tempfile::TempDir::new().unwrap();
        let link = |name: &str, target: &str| {
            let link = directory.path().join(name);
            std::os::unix::fs::symlink(target, &link).unwrap();
            link
        };
        link("system-42-link", "/nix/store/abc-nixos");
        let system = link("system", "system-42-link");
        assert_eq!(resolve(&system).unwrap(), Path::new("/nix/store/abc-nixos"));
        assert_eq!(Receipt::of("a", "l;1", Some(&system)).system, "l_1+abc");
        let round = link("round", "round");
        for wrong in
            [&round, &link("file", "/etc/passwd"), &directory.path().join("missing"), directory.path()]
        {
            assert_eq!(Receipt::of("a", "l", Some(wrong)).system, "l+unknown", "{}", wrong.display());
        }
    }
}
