//! The other nodes, as the settings name them, and the connections to them.

use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderValue, StatusCode};
use uecho_probe::{
    connect::Connector,
    url::{BaseUrl, Origin},
};

use crate::{
    config::{ConfigError, Invalid, settings::Fanout},
    fanout::{ask, pool::Pool, question},
};

/// One other node.
pub(crate) struct Peer {
    /// The peer as the settings name it.
    pub name: Arc<str>,
    /// The same, parsed.
    pub url: Arc<BaseUrl>,
    pub(super) pool: Arc<Pool>,
    /// For health checks alone: they must not wait for connections that fan-outs use.
    checks: Arc<Pool>,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Peer").field(&self.name).finish()
    }
}

impl Peer {
    /// Whether `GET /healthz` at its origin is answered 200 within `limit`, asked over a connection of its
    /// own.
    pub(crate) async fn is_up(&self, limit: Duration) -> bool {
        let check = ask::status(&self.checks, question::plain(&self.url.origin.host_header, "/healthz"));
        matches!(tokio::time::timeout(limit, check).await, Ok(Ok(StatusCode::OK)))
    }
}

/// The section `[fanout]`, in force. A reload makes a new one; requests in flight finish with the old one.
pub(crate) struct Peers {
    /// In the order of the configuration.
    pub list: Vec<Arc<Peer>>,
    /// The settings that all of this was made from.
    pub settings: Fanout,
    pub(super) authorization: Option<HeaderValue>,
}

impl Peers {
    /// Puts settings in force. Peers that were in `before` keep their connections, except https ones: a
    /// reload reads the certificate authorities anew, and must end every connection that only the old ones
    /// trusted.
    ///
    /// # Errors
    /// Those of [`Fanout::base_urls`] and [`Fanout::authorization`], or `fanout.ca` cannot be used.
    pub(crate) fn new(settings: &Fanout, before: Option<&Self>) -> Result<Self, ConfigError> {
        let urls = settings.base_urls()?;
        let origins = urls.iter().map(|url| &url.origin);
        let connector = Connector::for_origins(origins, settings.ca.as_deref())
            .map_err(|error| Invalid::of("fanout.ca", error.to_string()))?;
        let pool = |origin: &Origin, url: &BaseUrl| {
            let kept = before.filter(|_| origin.tls.is_none()).and_then(|before| before.find(url));
            kept.map_or_else(
                || Pool::with_sibling(origin, &connector),
                |peer| (peer.pool.clone(), peer.checks.clone()),
            )
        };
        let list = settings.peers.iter().zip(urls).map(|(name, url)| {
            let (pool, checks) = pool(&url.origin, &url);
            Arc::new(Peer { name: name.as_str().into(), url: url.into(), pool, checks })
        });
        Ok(Self {
            list: list.collect(),
            authorization: settings.authorization()?,
            settings: settings.clone(),
        })
    }

    fn find(&self, url: &BaseUrl) -> Option<&Arc<Peer>> {
        self.list.iter().find(|peer| *peer.url == *url)
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
        assert_eq!(&*after.list[1].name, "http://b/");
    }

    #[test]
    fn an_unusable_ca_is_refused_by_key_and_only_when_needed() {
        let settings = |peer| Fanout { ca: Some("/nonexistent/ca.pem".into()), ..with(&[peer]) };
        let error = Peers::new(&settings("https://a"), None).map(|_| ()).unwrap_err().invalid[0].to_string();
        assert!(error.starts_with("fanout.ca: `/nonexistent/ca.pem` cannot be read"), "{error}");
        assert!(Peers::new(&settings("http://a"), None).is_ok());
    }
}
