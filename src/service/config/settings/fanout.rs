//! `[fanout]`: peers, and the policy for their answers.

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use http::HeaderValue;
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uecho_probe::{units::DurationValue, url::BaseUrl};

use crate::config::{checker::Checker, forms, invalid::Invalid, secret, settings::policy::Policy};

/// The most peers of a node. Every request asks all of them.
const MAX_PEERS: usize = 64;
/// The most hops that a configuration may allow.
const MAX_HOPS: usize = 32;

/// `[fanout]`
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fanout {
    /// Base URLs; `/` and the percent-encoded text are appended.
    pub peers: Vec<String>,
    /// How many peers must answer `ok` for the answer to be 200.
    pub policy: Policy,
    /// Deadline budget of a whole tree.
    pub timeout: DurationValue,
    /// Value of `X-Uecho-Hops` at which the answer is 508.
    pub max_hops: u32,
    /// How many peers must be up for `/readyz` to be 200.
    pub ready_policy: Policy,
    /// PEM file of certificate authorities for https peers, instead of the system's.
    #[schemars(schema_with = "forms::path")]
    pub ca: Option<PathBuf>,
    /// Bearer token that the service sends to peers.
    #[serde(serialize_with = "secret::redacted")]
    #[schemars(schema_with = "forms::secret")]
    pub token: Option<SecretString>,
}

impl Default for Fanout {
    fn default() -> Self {
        Self {
            peers: Vec::new(),
            policy: Policy::BestEffort,
            timeout: DurationValue::secs(2),
            max_hops: 4,
            ready_policy: Policy::BestEffort,
            ca: None,
            token: None,
        }
    }
}

impl Fanout {
    /// Checks the section. It opens no files, because a configuration can be checked on another machine than
    /// its own.
    pub(super) fn check(&self, checker: &mut Checker) {
        checker.invalid.extend(self.base_urls().err().unwrap_or_default());
        for (key, policy) in [("fanout.policy", self.policy), ("fanout.ready_policy", self.ready_policy)] {
            quorum(key, policy, self.peers.len(), checker);
        }
        checker.count("fanout.max_hops", self.max_hops.try_into().unwrap_or(usize::MAX), 1, MAX_HOPS);
        checker.positive("fanout.timeout", self.timeout);
        checker.absolute("fanout.ca", self.ca.as_deref(), "/etc/ssl/ca.pem");
        checker.token("fanout.token", self.token.as_ref());
    }

    /// The peers, in the order of the configuration.
    ///
    /// # Errors
    /// One for each peer that is not a base URL or means the same as another; or there are more than
    /// [`MAX_PEERS`].
    pub(crate) fn base_urls(&self) -> Result<Vec<BaseUrl>, Vec<Invalid>> {
        if self.peers.len() > MAX_PEERS {
            let text = format!("expected at most {MAX_PEERS} peers, found {}", self.peers.len());
            return Err(vec![Invalid::of("fanout.peers", text)]);
        }
        let (mut urls, mut wrong) = (Vec::<BaseUrl>::new(), Vec::new());
        for (index, peer) in self.peers.iter().enumerate() {
            let refusal = match peer.parse::<BaseUrl>() {
                Ok(url) if urls.contains(&url) => {
                    format!("`{url}` is listed already; each peer counts once, list it once")
                }
                Ok(url) => {
                    urls.push(url);
                    continue;
                }
                Err(text) => text,
            };
            wrong.push(Invalid::of(format!("fanout.peers[{index}]"), refusal));
        }
        if wrong.is_empty() { Ok(urls) } else { Err(wrong) }
    }

    /// The token as a value of `Authorization`, marked sensitive.
    ///
    /// # Errors
    /// The token contains bytes that a header cannot carry.
    pub(crate) fn authorization(&self) -> Result<Option<HeaderValue>, Invalid> {
        let Some(token) = &self.token else { return Ok(None) };
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
            .map_err(|_| Invalid::of("fanout.token", "has bytes that a header cannot carry"))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

fn quorum(key: &str, policy: Policy, peers: usize, checker: &mut Checker) {
    match policy {
        Policy::Quorum(0) => {
            checker.refuse(key, "a quorum of 0 asks for nothing; write \"best_effort\", or 1 or more");
        }
        Policy::Quorum(quorum) if quorum > peers => {
            let found = format!("a quorum of {quorum} can never be met, because `fanout.peers` has {peers}");
            checker.refuse(key, format!("{found}; add peers or lower the quorum"));
        }
        _ => {}
    }
}
