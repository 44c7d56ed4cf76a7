//! `[public]` and `[ops]`: where to listen.

use serde::{Deserialize, Serialize};
use uecho_probe::listen::Listen;

/// `[public]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Public {
    /// `ADDR:PORT` or `unix:/path`. Inherited sockets named `public` win over it.
    pub listen: Listen,
}

impl Default for Public {
    fn default() -> Self {
        Self { listen: Listen::loopback(8080) }
    }
}

/// `[ops]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ops {
    /// `ADDR:PORT` or `unix:/path`. Inherited sockets named `ops` win over it.
    pub listen: Listen,
}

impl Default for Ops {
    fn default() -> Self {
        Self { listen: Listen::loopback(8081) }
    }
}
