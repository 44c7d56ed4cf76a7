//! Whom to probe: `http://`, `https://` or `unix:/path`, or what a service with given settings listens on.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    str::FromStr,
};

use http::Uri;

use crate::config::listen::Listen;

/// Where a service answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `http://HOST[:PORT][/PREFIX]` or `https://..`
    Tcp {
        /// Whether to speak TLS.
        tls: bool,
        /// Name or address, IPv6 without brackets.
        host: String,
        /// Port.
        port: u16,
        /// Goes before every path, without a slash at its end.
        prefix: String,
    },
    /// A Unix stream socket.
    Unix(PathBuf),
}

impl Target {
    /// How a service that listens here can be reached from the same machine; an unspecified address stands for loopback of its family.
    ///
    /// # Errors
    /// Port 0: only the service knows which port the kernel chose.
    pub fn of(listen: &Listen) -> Result<Self, String> {
        match listen {
            Listen::Unix(path) => Ok(Self::Unix(path.clone())),
            Listen::Tcp(address) if address.port() == 0 => {
                Err(format!("`{address}` leaves the port to the kernel; name the service with --url"))
            }
            Listen::Tcp(address) => {
                let address = reachable(*address);
                Ok(Self::Tcp {
                    tls: false,
                    host: address.ip().to_string(),
                    port: address.port(),
                    prefix: String::new(),
                })
            }
        }
    }

    /// The value of `Host`.
    #[must_use]
    pub fn authority(&self) -> String {
        match self {
            Self::Unix(_) => "localhost".into(),
            Self::Tcp { tls, host, port, .. } => {
                let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                if *port == default_port(*tls) { host } else { format!("{host}:{port}") }
            }
        }
    }

    /// What goes before every path.
    #[must_use]
    pub fn prefix(&self) -> &str {
        match self {
            Self::Unix(_) => "",
            Self::Tcp { prefix, .. } => prefix,
        }
    }
}

fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!(
                "`{text}` {why}; write it like \"http://127.0.0.1:8080\", \"https://host\" or \"unix:/run/uecho/public.sock\""
            )
        };
        if text.starts_with("unix:") {
            return match text.parse()? {
                Listen::Unix(path) => Ok(Self::Unix(path)),
                Listen::Tcp(_) => Err(wrong("is not a URL")),
            };
        }
        let uri: Uri = text.parse().map_err(|_| wrong("is not a URL"))?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong("has no scheme we speak")),
        };
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(wrong("carries a user name, which would not be sent"));
        }
        if uri.query().is_some() {
            return Err(wrong("carries a query"));
        }
        let host =
            uri.host().map(|host| host.trim_start_matches('[').trim_end_matches(']')).unwrap_or_default();
        if host.is_empty() {
            return Err(wrong("names no host"));
        }
        let named = uri.authority().is_some_and(|authority| authority.as_str() != authority.host());
        let port = match uri.port_u16() {
            Some(port) if port > 0 => port,
            None if !named => default_port(tls),
            _ => return Err(wrong("names a port that cannot be")),
        };
        Ok(Self::Tcp { tls, host: host.into(), port, prefix: uri.path().trim_end_matches('/').into() })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp { tls, prefix, .. } => {
                write!(f, "{}://{}{prefix}", if *tls { "https" } else { "http" }, self.authority())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_read_back_as_written() {
        for text in [
            "http://127.0.0.1:8080",
            "https://echo.example",
            "http://[::1]:8080",
            "http://echo.example/behind/a/proxy",
            "unix:/run/uecho/public.sock",
        ] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
        assert_eq!("http://a:80/".parse::<Target>().unwrap().to_string(), "http://a");
    }

    #[test]
    fn nonsense_is_refused_with_what_would_be_right() {
        for text in [
            "",
            "127.0.0.1:8080",
            "ftp://a",
            "http://",
            "http://u:p@a",
            "http://a/?q",
            "unix:relative",
            "http://a:99999",
            "http://a:0",
            "http://a:",
        ] {
            let error = text.parse::<Target>().unwrap_err();
            assert!(error.contains("unix:/run/uecho/public.sock"), "{text}: {error}");
        }
    }

    #[test]
    fn a_wildcard_is_reached_over_loopback_of_its_family() {
        for (listen, target) in [
            ("0.0.0.0:8080", "http://127.0.0.1:8080"),
            ("[::]:8080", "http://[::1]:8080"),
            ("192.0.2.1:80", "http://192.0.2.1"),
            ("unix:/a", "unix:/a"),
        ] {
            assert_eq!(Target::of(&listen.parse().unwrap()).unwrap().to_string(), target);
        }
        assert!(Target::of(&"127.0.0.1:0".parse().unwrap()).unwrap_err().contains("--url"));
    }
}
