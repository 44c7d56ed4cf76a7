//! `[api]`: who may use `/api/`.

use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uecho_probe::units::Size;

use crate::config::{checker::Checker, forms, secret};

/// `[api]`
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Api {
    /// Bearer token that `/api/` requires; without it, `/api/` is open.
    #[serde(serialize_with = "secret::redacted")]
    #[schemars(schema_with = "forms::secret")]
    pub token: Option<SecretString>,
}

impl Api {
    /// Checks that clients can send the token.
    pub(super) fn check(&self, header_bytes: Size, checker: &mut Checker) {
        checker.token("api.token", self.token.as_ref());
        let token = self.token.as_ref().map_or(0, |token| token.expose_secret().len());
        let fits = self.token.is_none() || "authorizationBearer ".len() + token <= header_bytes.0;
        checker.require("api.token", fits, "does not fit into limits.header_bytes; no client could send it");
    }
}
