//! An address to listen on: `ADDR:PORT` or `unix:/path`.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The most bytes of the temporary name that a Unix listener has in its folder before it gets its own name: a
/// dot and a process id in hexadecimal.
pub const OWN_NAME_BYTES: usize = 8;

/// A configured listen address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// `127.0.0.1:8080`, `[::]:8080`; port 0 lets the kernel choose.
    Tcp(SocketAddr),
    /// `unix:/run/uecho/public.sock`
    Unix(PathBuf),
}

impl Listen {
    /// 127.0.0.1 and this port.
    #[must_use]
    pub fn loopback(port: u16) -> Self {
        Self::Tcp(SocketAddr::from(([127, 0, 0, 1], port)))
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') => Ok(Self::Unix(path.into())),
            Some(_) => Err(format!("`{text}` needs an absolute path, like \"unix:/run/uecho/public.sock\"")),
            None => text.parse().map(Self::Tcp).map_err(|_| {
                format!(
                    "`{text}` is not a listen address; write \"127.0.0.1:8080\", \"[::]:8080\" or \
                    \"unix:/path\""
                )
            }),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Serialize for Listen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_can_be_read_back() {
        for text in ["127.0.0.1:8080", "[::1]:0", "unix:/run/uecho/public.sock"] {
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_error_names_the_right_form() {
        assert!("8080".parse::<Listen>().unwrap_err().contains("127.0.0.1:8080"));
        assert!("unix:relative".parse::<Listen>().unwrap_err().contains("absolute"));
    }
}
