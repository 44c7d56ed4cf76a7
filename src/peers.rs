//! Peers: asking other nodes over kept-alive connections, and making one answer of theirs.
//!
//! - [`url`]: base URLs, parsed and checked
//! - [`validate`]: the section `[fanout]` as a whole
//! - [`connect`], [`stream`], [`tls`]: byte streams to an origin
//! - `link`, [`pool`]: kept-alive connections to one peer
//! - [`budget`]: hops and time that a request may still use
//! - [`question`]: what a peer is sent
//! - [`outcome`], [`reply`]: what became of one question
//! - [`fanout`]: all peers asked at once
//! - [`tree`]: what peers say of their own peers
//! - [`merge`]: many outcomes, one verdict
//! - [`monitor`]: whether enough peers are up for `/readyz`

mod ask;
pub mod budget;
pub mod connect;
pub mod fanout;
mod link;
pub mod merge;
pub mod monitor;
pub mod outcome;
pub mod pool;
pub mod question;
pub mod reply;
pub mod stream;
pub mod tls;
pub mod tree;
pub mod url;
pub mod validate;

use std::{fmt, sync::Arc};

use http::HeaderValue;

use crate::config::settings::Fanout;
use connect::Connector;
use pool::Pool;
use url::{BaseUrl, Origin};
use validate::Invalid;

/// One other node.
pub struct Peer {
    /// As it was configured.
    pub name: String,
    /// The same, parsed.
    pub url: BaseUrl,
    pool: Arc<Pool>,
    /// For health checks alone: they must not wait for what the fan-out has in use.
    checks: Arc<Pool>,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Peer").field(&self.name).finish()
    }
}

/// The section `[fanout]`, in force. A reload makes a new one; requests in flight finish on the old one.
pub struct Peers {
    /// In the order of the configuration.
    pub list: Vec<Arc<Peer>>,
    /// The settings all of this was made from.
    pub settings: Fanout,
    authorization: Option<HeaderValue>,
}

impl Peers {
    /// Puts settings in force. Peers that were in `before` keep their connections, https ones aside: a reload reads the
    /// authorities anew, and no connection that was trusted by old ones must outlive that.
    ///
    /// # Errors
    /// As [`validate::validate`], or `fanout.ca` cannot be used.
    pub fn new(settings: &Fanout, before: Option<&Self>) -> Result<Self, Vec<Invalid>> {
        let urls = validate::peers(settings)?;
        let origins = urls.iter().map(|url| &url.origin);
        let connector = Connector::for_origins(origins, settings.ca.as_deref())
            .map_err(|error| vec![Invalid { key: "fanout.ca".into(), text: error.to_string() }])?;
        let pool = |origin: &Origin, url: &BaseUrl| {
            let kept = before.filter(|_| origin.tls.is_none()).and_then(|before| before.find(url));
            kept.map_or_else(
                || Pool::with_sibling(origin, &connector),
                |peer| (peer.pool.clone(), peer.checks.clone()),
            )
        };
        let list = settings.peers.iter().zip(urls).map(|(name, url)| {
            let (pool, checks) = pool(&url.origin, &url);
            Arc::new(Peer { name: name.clone(), url, pool, checks })
        });
        Ok(Self {
            list: list.collect(),
            authorization: validate::bearer(settings).map_err(|invalid| vec![invalid])?,
            settings: settings.clone(),
        })
    }

    fn find(&self, url: &BaseUrl) -> Option<&Arc<Peer>> {
        self.list.iter().find(|peer| peer.url == *url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(peers: &[&str]) -> Fanout {
        Fanout { peers: peers.iter().map(ToString::to_string).collect(), ..Fanout::default() }
    }

    #[test]
    fn a_reload_keeps_the_pools_of_peers_that_stay() {
        let before = Peers::new(&with(&["http://a", "http://b"]), None).unwrap();
        let after = Peers::new(&with(&["http://c", "http://b/"]), Some(&before)).unwrap();
        assert!(Arc::ptr_eq(&after.list[1].pool, &before.list[1].pool));
        assert!(!Arc::ptr_eq(&after.list[0].pool, &before.list[0].pool));
        assert_eq!(after.list[1].name, "http://b/");
    }

    #[test]
    fn an_unusable_ca_is_refused_by_key_and_only_when_needed() {
        let settings = |peer| Fanout { ca: Some("/nonexistent/ca.pem".into()), ..with(&[peer]) };
        let error = Peers::new(&settings("https://a"), None).map(|_| ()).unwrap_err()[0].to_string();
        assert!(error.starts_with("fanout.ca: `/nonexistent/ca.pem` cannot be read"), "{error}");
        assert!(Peers::new(&settings("http://a"), None).is_ok());
    }
}
