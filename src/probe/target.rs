//! The service to probe: `http://`, `https://` or `unix:/path`, or the address that a service with given
//! settings listens on.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    str::FromStr,
};

use crate::{listen::Listen, url::BaseUrl};

/// The address of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Over TCP, with or without TLS.
    Http(BaseUrl),
    /// The address of a listener; unlike the host of a URL, it may have a scope (RFC 4007).
    Tcp(SocketAddr),
    /// A Unix stream socket.
    Unix(PathBuf),
}

impl Target {
    /// The address at which the same machine reaches a service that listens here; an unspecified address
    /// becomes the loopback address of its family.
    ///
    /// # Errors
    /// Port 0: only the service knows which port the kernel chose.
    pub fn of(listen: &Listen) -> Result<Self, String> {
        match listen {
            Listen::Unix(path) => Ok(Self::Unix(path.clone())),
            Listen::Tcp(address) if address.port() == 0 => {
                Err(format!("`{address}` leaves the port to the kernel; name the service with --url"))
            }
            Listen::Tcp(address) => Ok(Self::Tcp(reachable(*address))),
        }
    }
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
        if !text.starts_with("unix:") {
            return text
                .parse()
                .map(Self::Http)
                .map_err(|error: String| format!("{error} or \"unix:/run/uecho/public.sock\""));
        }
        match text.parse()? {
            Listen::Unix(path) => Ok(Self::Unix(path)),
            Listen::Tcp(address) => Err(format!("`{address}` has no scheme")),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Http(url) => url.fmt(f),
            Self::Tcp(address) => write!(f, "http://{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_can_be_read_back() {
        for text in
            ["http://127.0.0.1:8080", "https://echo.example/behind/a/proxy", "unix:/run/uecho/public.sock"]
        {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_error_names_the_right_form() {
        for text in ["", "127.0.0.1:8080", "ftp://a", "http://u:p@a", "http://a/?q", "unix:relative"] {
            let error = text.parse::<Target>().unwrap_err();
            assert!(error.contains("unix:/run/uecho/public.sock"), "{text}: {error}");
        }
    }

    #[test]
    fn an_unspecified_address_is_reached_over_loopback_of_its_family() {
        for (listen, target) in [
            ("0.0.0.0:8080", "http://127.0.0.1:8080"),
            ("[::]:8080", "http://[::1]:8080"),
            ("192.0.2.1:8080", "http://192.0.2.1:8080"),
            ("[fe80::1%2]:8080", "http://[fe80::1%2]:8080"),
            ("unix:/a", "unix:/a"),
        ] {
            assert_eq!(Target::of(&listen.parse().unwrap()).unwrap().to_string(), target);
        }
        assert!(Target::of(&"127.0.0.1:0".parse().unwrap()).unwrap_err().contains("--url"));
    }
}
