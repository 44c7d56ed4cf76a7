//! `[api]`: who may use `/api/`.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::config::settings::secret;

/// `[api]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Api {
    /// Bearer token required for `/api/`; none: open.
    #[serde(serialize_with = "secret::redacted")]
    pub token: Option<SecretString>,
}
