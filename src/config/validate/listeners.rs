//! `public.listen` and `ops.listen` must be two places.

use std::net::{IpAddr, SocketAddr};

use super::Checker;
use crate::config::{Settings, listen::Listen};

pub(super) fn check(settings: &Settings, checker: &mut Checker<'_>) {
    let (public, ops) = (&settings.public.listen, &settings.ops.listen);
    let same = match (public, ops) {
        (Listen::Tcp(public), Listen::Tcp(ops)) => collide(*public, *ops),
        (Listen::Unix(public), Listen::Unix(ops)) => public == ops,
        _ => false,
    };
    if same {
        checker.problem(
            "ops.listen",
            &format!("\"{ops}\" is taken by public.listen \"{public}\"; choose another port"),
        );
    }
}

/// Whether both cannot be bound: the same port, and an address in common. Port 0 is another port every time.
fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    // [::] takes IPv4 as well; 0.0.0.0 does not take IPv6
    let covers = |a: IpAddr, b: IpAddr| a == b || a.is_unspecified() && (a.is_ipv6() || b.is_ipv4());
    a.port() == b.port() && a.port() != 0 && (covers(a.ip(), b.ip()) || covers(b.ip(), a.ip()))
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
        assert!(!collide("127.0.0.1:80", "127.0.0.1:81"));
        assert!(!collide("127.0.0.1:80", "127.0.0.2:80"));
        assert!(!collide("0.0.0.0:80", "[::1]:80"));
        assert!(!collide("127.0.0.1:0", "127.0.0.1:0"));
    }
}
