//! `[fanout]` checked as a whole when the configuration is loaded, so that `check-config` finds what `serve` would.
//! Files are not opened here: a configuration can be checked on another machine than its own.

use http::HeaderValue;
use secrecy::ExposeSecret;
use uecho_probe::url::BaseUrl;

use crate::config::settings::{Fanout, Policy};

/// Most peers of a node. Every request asks all of them.
pub const MAX_PEERS: usize = 64;
/// Most hops that may be allowed.
pub const MAX_HOPS: u32 = 32;

/// A value that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {text}")]
pub struct Invalid {
    /// The key, like `fanout.peers[1]`.
    pub key: String,
    /// What is wrong and what would be right.
    pub text: String,
}

impl Invalid {
    fn new(key: impl Into<String>, text: impl Into<String>) -> Self {
        Self { key: key.into(), text: text.into() }
    }
}

/// Everything that is wrong with peers, policies, hops, timeout and token; empty when the section can be used.
#[must_use]
pub fn validate(fanout: &Fanout) -> Vec<Invalid> {
    let mut wrong = peers(fanout).err().unwrap_or_default();
    for (key, policy) in [("fanout.policy", fanout.policy), ("fanout.ready_policy", fanout.ready_policy)] {
        wrong.extend(quorum(policy, fanout.peers.len()).err().map(|text| Invalid::new(key, text)));
    }
    if !(1..=MAX_HOPS).contains(&fanout.max_hops) {
        let text = format!("expected a whole number from 1 to {MAX_HOPS}, found {}", fanout.max_hops);
        wrong.push(Invalid::new("fanout.max_hops", text));
    }
    if fanout.timeout.0.as_millis() == 0 {
        let text = format!("expected 1ms or more, like \"2s\", found {}", fanout.timeout);
        wrong.push(Invalid::new("fanout.timeout", text));
    }
    wrong.extend(bearer(fanout).err());
    wrong
}

/// All of them in one line.
#[must_use]
pub fn joined(wrong: &[Invalid]) -> String {
    wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The peers' base URLs, in the order of the configuration.
///
/// # Errors
/// Each one that is no base URL or means the same as another; or there are more than [`MAX_PEERS`].
pub fn peers(fanout: &Fanout) -> Result<Vec<BaseUrl>, Vec<Invalid>> {
    if fanout.peers.len() > MAX_PEERS {
        let text = format!("expected at most {MAX_PEERS} peers, found {}", fanout.peers.len());
        return Err(vec![Invalid::new("fanout.peers", text)]);
    }
    let (mut urls, mut wrong) = (Vec::<BaseUrl>::new(), Vec::new());
    for (index, peer) in fanout.peers.iter().enumerate() {
        match peer.parse::<BaseUrl>() {
            Ok(url) if urls.contains(&url) => {
                let text = format!("`{url}` is listed already; each peer counts once, list it once");
                wrong.push(Invalid::new(format!("fanout.peers[{index}]"), text));
            }
            Ok(url) => urls.push(url),
            Err(text) => wrong.push(Invalid::new(format!("fanout.peers[{index}]"), text)),
        }
    }
    if wrong.is_empty() { Ok(urls) } else { Err(wrong) }
}

fn quorum(policy: Policy, peers: usize) -> Result<(), String> {
    match policy {
        Policy::Quorum(0) => {
            Err("a quorum of 0 asks for nothing; write \"best_effort\", or 1 or more".into())
        }
        Policy::Quorum(quorum) if quorum > peers => Err(format!(
            "a quorum of {quorum} can never be met, `fanout.peers` has {peers}; add peers or lower it"
        )),
        _ => Ok(()),
    }
}

/// `fanout.token` as a value of `Authorization`, marked sensitive.
///
/// # Errors
/// The token has bytes that a header cannot carry.
pub fn bearer(fanout: &Fanout) -> Result<Option<HeaderValue>, Invalid> {
    let Some(token) = &fanout.token else { return Ok(None) };
    let wrong = |_| Invalid::new("fanout.token", "expected printable ASCII on one line, found other bytes");
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())).map_err(wrong)?;
    value.set_sensitive(true);
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use uecho_probe::units::Span;

    use super::*;

    fn with(peers: &[&str]) -> Fanout {
        Fanout { peers: peers.iter().map(ToString::to_string).collect(), ..Fanout::default() }
    }

    #[track_caller]
    fn refused(fanout: &Fanout, parts: &[&str]) {
        let wrong = validate(fanout);
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        let error = wrong[0].to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }

    #[test]
    fn what_makes_sense_passes() {
        let three = with(&["http://a", "https://a", "http://a/b"]);
        for fanout in [Fanout::default(), Fanout { policy: Policy::Quorum(2), ..three }] {
            assert_eq!(validate(&fanout), []);
        }
    }

    #[test]
    fn errors_name_the_key_and_what_would_be_right() {
        refused(&with(&["http://a", "b:8080"]), &["fanout.peers[1]", "http://10.0.0.2:8080"]);
        refused(
            &with(&["http://a", "http://A:80/"]),
            &["fanout.peers[1]", "`http://A:80` is listed already"],
        );
        refused(&Fanout { policy: Policy::Quorum(2), ..with(&["http://a"]) }, &["fanout.policy", "has 1"]);
        refused(&Fanout { ready_policy: Policy::Quorum(1), ..with(&[]) }, &["fanout.ready_policy", "has 0"]);
        refused(
            &Fanout { policy: Policy::Quorum(0), ..with(&["http://a"]) },
            &["fanout.policy", "best_effort"],
        );
        refused(&Fanout { max_hops: 0, ..with(&[]) }, &["fanout.max_hops", "from 1 to 32"]);
        refused(&Fanout { timeout: Span::secs(0), ..with(&[]) }, &["fanout.timeout", "2s"]);
        refused(&Fanout { token: Some("a\nb".into()), ..with(&[]) }, &["fanout.token", "one line"]);
        let many: Vec<String> = (0..65).map(|port| format!("http://a:{}", port + 1)).collect();
        refused(&Fanout { peers: many, ..Fanout::default() }, &["fanout.peers", "at most 64"]);
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let fanout = Fanout { max_hops: 0, policy: Policy::Quorum(9), ..with(&["a", "http://b", "c"]) };
        let keys: Vec<String> = validate(&fanout).into_iter().map(|invalid| invalid.key).collect();
        assert_eq!(keys, ["fanout.peers[0]", "fanout.peers[2]", "fanout.policy", "fanout.max_hops"]);
    }
}
