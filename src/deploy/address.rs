//! A destination of ssh, as each tool expects it: an IPv6 address has no brackets for ssh, but has them in a
//! URL.

use std::{fmt, str::FromStr};

/// `HOST` or `USER@HOST`, without brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination(String);

impl Destination {
    /// The same destination; the user is root if it names none.
    #[must_use]
    pub(crate) fn as_root(&self) -> Self {
        Self(if self.0.contains('@') { self.0.clone() } else { format!("root@{}", self.0) })
    }

    /// The destination as the authority of a URL (RFC 3986).
    #[must_use]
    pub(crate) fn authority(&self) -> String {
        let (user, _) = self.parts();
        format!("{user}{}", self.host())
    }

    /// The host in a URL.
    #[must_use]
    pub(crate) fn host(&self) -> String {
        let (_, host) = self.parts();
        if host.contains(':') { format!("[{host}]") } else { host.into() }
    }

    /// The store of Nix there.
    #[must_use]
    pub(crate) fn store(&self) -> String {
        format!("ssh-ng://{}", self.authority())
    }

    /// The user with `@`, if there is one, and the host.
    fn parts(&self) -> (&str, &str) {
        split(&self.0)
    }
}

fn split(text: &str) -> (&str, &str) {
    text.split_at(text.rfind('@').map_or(0, |at| at + 1))
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (user, host) = split(text);
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if bare.is_empty() || text.starts_with('-') {
            return Err(format!("`{text}` names no host; write it like \"root@machine.example\""));
        }
        Ok(Self(format!("{user}{bare}")))
    }
}

/// As ssh expects it.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tool_gets_its_form() {
        for (text, ssh, authority, host) in [
            ("machine", "root@machine", "root@machine", "machine"),
            ("deploy@machine", "deploy@machine", "deploy@machine", "machine"),
            ("2001:db8::1", "root@2001:db8::1", "root@[2001:db8::1]", "[2001:db8::1]"),
            ("[2001:db8::1]", "root@2001:db8::1", "root@[2001:db8::1]", "[2001:db8::1]"),
            ("a@b@[::1]", "a@b@::1", "a@b@[::1]", "[::1]"),
            ("10.0.0.1", "root@10.0.0.1", "root@10.0.0.1", "10.0.0.1"),
        ] {
            let destination = text.parse::<Destination>().unwrap().as_root();
            let found = (destination.to_string(), destination.authority(), destination.host());
            assert_eq!(found, (ssh.into(), authority.into(), host.into()), "{text}");
        }
        let builder: Destination = "[::1]".parse().unwrap();
        assert_eq!((builder.to_string().as_str(), builder.store().as_str()), ("::1", "ssh-ng://[::1]"));
    }

    #[test]
    fn what_ssh_would_read_as_an_option_or_as_nothing_is_refused() {
        for wrong in ["", "root@", "[]", "-oProxyCommand=x"] {
            assert!(wrong.parse::<Destination>().unwrap_err().contains("root@machine.example"), "{wrong}");
        }
    }
}
