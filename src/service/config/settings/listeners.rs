//! `[public]` and `[ops]`: the addresses to listen on.

use std::{
    net::{IpAddr, SocketAddr},
    os::unix::ffi::OsStrExt,
    path::Path,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uecho_probe::listen::{Listen, OWN_NAME_BYTES};

use crate::config::checker::{Checker, NUL_IN_PATH};

/// The longest path of a socket: `sun_path` without its NUL, unix(7).
const PATH_BYTES: usize = 107;

/// `[public]`
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Public {
    /// `ADDR:PORT` or `unix:/path`. Inherited sockets named `public` take precedence.
    pub listen: Listen,
}

impl Default for Public {
    fn default() -> Self {
        Self { listen: Listen::loopback(8080) }
    }
}

/// `[ops]`
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ops {
    /// `ADDR:PORT` or `unix:/path`. Inherited sockets named `ops` take precedence.
    pub listen: Listen,
}

impl Default for Ops {
    fn default() -> Self {
        Self { listen: Listen::loopback(8081) }
    }
}

/// Checks that the addresses differ and that clients can connect to them.
pub(super) fn check(public: &Public, ops: &Ops, checker: &mut Checker) {
    let (public, ops) = (&public.listen, &ops.listen);
    for (key, listen) in [("public.listen", public), ("ops.listen", ops)] {
        let wrong = match listen {
            Listen::Tcp(address) => unreachable(*address),
            Listen::Unix(path) => unusable(path),
        };
        if let Some(text) = wrong {
            checker.refuse(key, text);
        }
    }
    let same = match (public, ops) {
        (Listen::Tcp(public), Listen::Tcp(ops)) => collide(*public, *ops),
        (Listen::Unix(public), Listen::Unix(ops)) => public == ops,
        _ => false,
    };
    if same {
        checker.refuse(
            "ops.listen",
            format!("\"{ops}\" is taken by public.listen \"{public}\"; choose another port"),
        );
    }
}

/// Says why no client can connect to an address, even though it can be bound.
fn unreachable(address: SocketAddr) -> Option<String> {
    let ip = address.ip();
    if matches!(address, SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() && v6.scope_id() == 0) {
        let right = format!("[{ip}%2]:{}", address.port());
        return Some(format!("{ip} is on every link; add the number of the interface, like \"{right}\""));
    }
    let group = ip.is_multicast() || matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    group.then(|| {
        format!("nobody can connect to {ip}, which many machines share; write an address of this machine")
    })
}

fn unusable(path: &Path) -> Option<String> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.contains(&0) {
        return Some(NUL_IN_PATH.into());
    }
    // the kernel would leave a slash at the end out of the name
    let (Some(_), Some(folder), false) = (path.file_name(), path.parent(), bytes.ends_with(b"/")) else {
        return Some(format!(
            "`unix:{}` names no file, like \"unix:/run/uecho/public.sock\"",
            path.display()
        ));
    };
    let most = PATH_BYTES - OWN_NAME_BYTES - 1;
    match (bytes.len(), folder.as_os_str().len()) {
        (found, _) if found > PATH_BYTES => {
            Some(format!("the path has {found} bytes; a socket can have at most {PATH_BYTES}"))
        }
        (_, found) if found > most => {
            Some(format!("the folder has {found} bytes; that of a socket can have at most {most}"))
        }
        _ => None,
    }
}

/// Whether the two addresses cannot both be bound: they have the same port, and an address in common. Port 0
/// is a different port every time.
fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    // [::] accepts IPv4 as well; 0.0.0.0 does not accept IPv6
    let covers = |a: IpAddr, b: IpAddr| a == b || a.is_unspecified() && (a.is_ipv6() || b.is_ipv4());
    let [x, y] = [a, b].map(|address| address.ip().to_canonical());
    a.port() == b.port() && a.port() != 0 && (covers(x, y) || covers(y, x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_common_collide() {
        let collide = |a: &str, b: &str| collide(a.parse().unwrap(), b.parse().unwrap());
        assert!(collide("127.0.0.1:80", "127.0.0.1:80"));
        assert!(collide("127.0.0.1:80", "0.0.0.0:80"));
        assert!(collide("[::]:80", "127.0.0.1:80"));
        assert!(collide("[::ffff:127.0.0.1]:80", "127.0.0.1:80"));
        assert!(!collide("127.0.0.1:80", "127.0.0.1:81"));
        assert!(!collide("127.0.0.1:80", "127.0.0.2:80"));
        assert!(!collide("0.0.0.0:80", "[::1]:80"));
        assert!(!collide("127.0.0.1:0", "127.0.0.1:0"));
    }
}
