//! Kubernetes sets variables for every Service in every pod of its namespace, and makes their names of the
//! name of the Service (service links, and the Docker links they are compatible with). Those of a Service
//! called `uecho` or `uecho-ops` look like settings and are not.

use std::net::{IpAddr, SocketAddr};

/// Whether a variable has the name and the value of a service link.
pub(super) fn is_one(name: &str, value: &str) -> bool {
    let is_port = || value.parse::<u16>().is_ok();
    let is_ip = || value.parse::<IpAddr>().is_ok();
    if let Some((_, name)) = name.split_once("_SERVICE_") {
        return match name {
            "HOST" => is_ip(),
            // the rest is the name of a port
            _ => {
                name.strip_prefix("PORT").is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
                    && is_port()
            }
        };
    }
    let Some((_, number)) = name.split_once("_PORT_") else {
        return name.ends_with("_PORT") && is_url(value);
    };
    let mut parts = number.split('_');
    let is_numbered = parts.next().is_some_and(|number| number.parse::<u16>().is_ok())
        && matches!(parts.next(), Some("TCP" | "UDP" | "SCTP"));
    let is_value = match parts.next() {
        None => is_url(value),
        Some("PROTO") => is_protocol(value),
        Some("PORT") => is_port(),
        Some("ADDR") => is_ip(),
        Some(_) => false,
    };
    is_numbered && is_value && parts.next().is_none()
}

/// `tcp://10.0.0.1:8080`
fn is_url(value: &str) -> bool {
    value
        .split_once("://")
        .is_some_and(|(protocol, address)| is_protocol(protocol) && address.parse::<SocketAddr>().is_ok())
}

fn is_protocol(value: &str) -> bool {
    matches!(value, "tcp" | "udp" | "sctp")
}
