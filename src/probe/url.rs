//! Base URLs of HTTP services: `http://host[:port][/prefix]`, with errors that name the right form.

use std::{fmt, net::IpAddr, str::FromStr, sync::Arc};

use http::{HeaderValue, Uri, uri::Authority};
use rustls::pki_types::ServerName;
use tokio::sync::Semaphore;

/// How many lookups of one name may run at once. getaddrinfo(3) blocks a thread and cannot be cancelled:
/// without a bound, a dead resolver would block a thread for each request.
const LOOKUPS: usize = 2;

/// The host of an origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// An address literal.
    Address(IpAddr),
    /// A name to be looked up.
    Name(String),
}

/// Scheme, host and port of an HTTP service (RFC 6454). Clones share the bound on lookups.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The host to connect to.
    pub host: Host,
    /// TCP port.
    pub port: u16,
    /// The name that the certificate must be for; `None` means plain http.
    pub tls: Option<ServerName<'static>>,
    /// The value of the header `Host`.
    pub host_header: HeaderValue,
    pub(crate) lookups: Arc<Semaphore>,
}

impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        (&self.host, self.port, &self.tls) == (&other.host, other.port, &other.tls)
    }
}

impl Eq for Origin {}

/// An origin and the path prefix below which the service is.
///
/// ```
/// let url: uecho_probe::url::BaseUrl = "http://b:8080/api/v1/fanout/".parse().unwrap();
/// assert_eq!((url.origin.port, url.prefix.as_str()), (8080, "/api/v1/fanout"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    /// The origin to connect to.
    pub origin: Origin,
    /// The path to which the path of a request is appended; empty, or begins with `/` and does not end with
    /// it.
    pub prefix: String,
}

const RIGHT: &str = "write it like \"http://10.0.0.2:8080\" or \"https://peer.example/prefix\"";

impl FromStr for BaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("`{}` {why}; {RIGHT}", shown(text));
        if text.contains('#') {
            return Err(wrong("has a fragment, which is never sent"));
        }
        let uri: Uri = text.parse().map_err(|error| wrong(&format!("is not a URL ({error})")))?;
        let https = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(_) => return Err(wrong("has a scheme other than http and https")),
            None => return Err(wrong("has no scheme")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("has no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("has user information; credentials do not belong in a URL"));
        }
        if uri.query().is_some() {
            return Err(wrong("has a query, to which no path can be appended"));
        }
        let origin = Origin::new(https, authority).map_err(wrong)?;
        Ok(Self { origin, prefix: uri.path().trim_end_matches('/').into() })
    }
}

impl Origin {
    /// The name or address, without the port.
    #[must_use]
    pub fn host_name(&self) -> String {
        match &self.host {
            Host::Address(address) => address.to_string(),
            Host::Name(name) => name.clone(),
        }
    }

    /// The same origin, whose lookups do not wait for those of others.
    #[must_use]
    pub fn with_own_lookups(&self) -> Self {
        Self { lookups: Arc::new(Semaphore::new(LOOKUPS)), ..self.clone() }
    }

    fn new(https: bool, authority: &Authority) -> Result<Self, &'static str> {
        let port = match authority.port() {
            Some(port) if port.as_u16() == 0 => return Err("has port 0"),
            Some(port) => port.as_u16(),
            None if authority.as_str().len() != authority.host().len() => {
                return Err("has a port that is not a number up to 65535");
            }
            None => [80, 443][usize::from(https)],
        };
        let name = authority.host();
        let host = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            Some(v6) => Host::Address(IpAddr::V6(v6.parse().map_err(|_| "has no valid IPv6 address")?)),
            None => match name.parse() {
                Ok(v4) => Host::Address(IpAddr::V4(v4)),
                Err(_) => Host::Name(name.to_ascii_lowercase()),
            },
        };
        let checked = match &host {
            Host::Address(address) => ServerName::from(*address),
            Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| "has no valid host name")?,
        };
        Ok(Self {
            host,
            port,
            tls: https.then_some(checked),
            host_header: HeaderValue::from_str(authority.as_str()).map_err(|_| "has no valid host name")?,
            lookups: Arc::new(Semaphore::new(LOOKUPS)),
        })
    }
}

/// The text as an error may show it, without the part that could be a password.
fn shown(text: &str) -> String {
    match (text.find("//"), text.rfind('@')) {
        (Some(begin), Some(end)) if begin + 2 <= end => format!("{}...{}", &text[..begin + 2], &text[end..]),
        _ => text.into(),
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host_header.to_str().unwrap_or_default())
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_url_is_split_into_its_parts() {
        for (text, host, port, prefix, tls) in [
            ("http://10.0.0.2:8080", "10.0.0.2", 8080, "", false),
            ("http://b/", "b", 80, "", false),
            ("https://Peer.Example/a/b/", "peer.example", 443, "/a/b", true),
            ("http://[::1]:81/x", "::1", 81, "/x", false),
        ] {
            let url: BaseUrl = text.parse().unwrap();
            let found = match &url.origin.host {
                Host::Address(address) => address.to_string(),
                Host::Name(name) => name.clone(),
            };
            assert_eq!(
                (found.as_str(), url.origin.port, url.prefix.as_str()),
                (host, port, prefix),
                "{text}"
            );
            assert_eq!(url.origin.tls.is_some(), tls, "{text}");
        }
    }

    #[test]
    fn an_unusable_url_is_refused_with_the_reason() {
        for (text, why) in [
            ("b:8080", "scheme"),
            ("/path", "scheme"),
            ("", "URL"),
            ("ftp://b", "scheme other"),
            ("http://", "URL"),
            ("http://user:pw@b", "user information"),
            ("http://b?x=y", "query"),
            ("http://b/#x", "fragment"),
            ("http://b:0", "port 0"),
            ("http://b:99999", "port that is not"),
            ("http://b:", "port that is not"),
            ("http://a..b", "host name"),
            ("http://[::g]", "IPv6 address"),
        ] {
            let error = text.parse::<BaseUrl>().unwrap_err();
            assert!(error.contains(why) && error.contains(RIGHT), "{text}: {error}");
            assert!(!error.contains("pw"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "(https?://)?[ -~]{0,40}") {
            if let Ok(url) = text.parse::<BaseUrl>() {
                prop_assert_eq!(url.to_string().parse::<BaseUrl>().unwrap(), url);
            }
        }
    }
}
