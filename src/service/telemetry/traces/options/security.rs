//! Whom an https collector is trusted by, and who we are to it:
//! `OTEL_EXPORTER_OTLP_[TRACES_]{CERTIFICATE,CLIENT_CERTIFICATE,CLIENT_KEY}`.

use std::path::{Path, PathBuf};

use uecho_probe::tls::{self, Identity};

use crate::telemetry::traces::options::variables::Variables;

const CERTIFICATE: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"];
const CLIENT_CERTIFICATE: [&str; 2] =
    ["OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"];
const CLIENT_KEY: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "OTEL_EXPORTER_OTLP_CLIENT_KEY"];

/// Of a TLS connection.
#[derive(Default)]
pub(in crate::telemetry::traces) struct Security {
    /// PEM file of authorities, instead of the system's.
    pub(in crate::telemetry::traces) authorities: Option<PathBuf>,
    /// Our own certificate.
    pub(in crate::telemetry::traces) identity: Option<Identity>,
}

impl Security {
    pub(super) fn find(variables: &mut Variables, https: bool) -> Self {
        if !https {
            for name in [CERTIFICATE, CLIENT_CERTIFICATE, CLIENT_KEY].as_flattened() {
                if variables.get(name).is_some() {
                    variables.warn(name, "is ignored: the endpoint is not https");
                }
            }
            return Self::default();
        }
        let authorities = variables.first(&CERTIFICATE, |path| {
            tls::client_config(Some(Path::new(path)), None).map_err(|error| error.to_string())?;
            Ok(path.into())
        });
        Self { authorities, identity: identity(variables) }
    }
}

fn identity(variables: &mut Variables) -> Option<Identity> {
    let set = |names: [&'static str; 2]| {
        names.into_iter().find_map(|name| Some((name, PathBuf::from(variables.get(name)?))))
    };
    let (name, what) = match (set(CLIENT_CERTIFICATE), set(CLIENT_KEY)) {
        (None, None) => return None,
        (Some((name, certificate)), Some((_, key))) => match Identity::from_pem(&certificate, &key) {
            Ok(identity) => return Some(identity),
            Err(error) => (name, format!("is ignored, and the key with it: {error}")),
        },
        (Some((name, _)), None) => (name, format!("is ignored: there is no {}", CLIENT_KEY[1])),
        (None, Some((name, _))) => (name, format!("is ignored: there is no {}", CLIENT_CERTIFICATE[1])),
    };
    variables.warn(name, &what);
    None
}
