//! The receipt: which build, on which machine and which system generation, answered.

use http::HeaderValue;
use serde::{Deserialize, Serialize};

/// Version of this build, from Cargo.toml.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Source revision of this build: `UECHO_REVISION` at compile time.
pub const REVISION: &str = match option_env!("UECHO_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// Carried by every answer: as `X-Uecho-Receipt: version=..; revision=..; instance=..; system=..; boot=..`, in JSON as an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Version of the build.
    pub version: String,
    /// Source revision of the build.
    pub revision: String,
    /// Name of the node.
    pub instance: String,
    /// System generation or image version, from configuration.
    pub system: String,
    /// Boot id of the kernel (`/proc/sys/kernel/random/boot_id`), no dashes as in sd-id128(3).
    pub boot: String,
}

impl Receipt {
    /// The receipt of this process.
    #[must_use]
    pub fn of(instance: &str, system: &str) -> Self {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .unwrap_or_default()
            .trim()
            .replace('-', "");
        Self {
            version: VERSION.into(),
            revision: REVISION.into(),
            instance: printable(instance),
            system: printable(system),
            boot: if boot.is_empty() { "unknown".into() } else { boot },
        }
    }

    /// The header form.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        let Self { version, revision, instance, system, boot } = self;
        let text = format!(
            "version={version}; revision={revision}; instance={instance}; system={system}; boot={boot}"
        );
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("unprintable"))
    }

    /// Reads the header form; `None` when a key is missing.
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

/// Values go into a header whose separator is `; `: anything else than visible ASCII, and `;`, becomes `_`.
#[must_use]
pub fn printable(value: &str) -> String {
    value.chars().map(|c| if c.is_ascii_graphic() && c != ';' { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_form_reads_back() {
        let receipt = Receipt::of("node a;b\r\n", "26.05.label");
        assert_eq!(receipt.instance, "node_a_b__");
        assert_eq!(Receipt::parse(receipt.header().to_str().unwrap()).unwrap(), receipt);
        assert_eq!(Receipt::parse("version=1"), None);
    }
}
