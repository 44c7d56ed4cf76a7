//! What the variables say of the export itself: whether, where to, with which headers, for how long.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::telemetry::traces::options::{
    endpoint::Endpoint,
    variables::{Variables, decode, millis},
};

/// For one export, unless somebody says otherwise.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);
/// Stands for no limit, as the specification proposes.
const NO_LIMIT: Duration = Duration::from_millis(i32::MAX as u64);

impl Variables {
    pub(super) fn enabled(&mut self) -> bool {
        let disabled =
            self.first(&["OTEL_SDK_DISABLED"], |value| match value.to_ascii_lowercase().as_str() {
                "true" => Ok(true),
                "false" => Ok(false),
                _ => Err(format!("{value:?} is neither true nor false")),
            });
        disabled != Some(true)
    }

    /// Whether the export is switched on or off by name.
    pub(super) fn exporter(&mut self) -> Option<bool> {
        self.first(&["OTEL_TRACES_EXPORTER"], |value| match value.to_ascii_lowercase().as_str() {
            "otlp" => Ok(true),
            "none" => Ok(false),
            _ => Err(format!("{value:?} is neither \"otlp\" nor \"none\"")),
        })
    }

    /// `by_default`: the specification's, if no variable has one.
    pub(super) fn endpoint(&mut self, by_default: bool) -> Option<Endpoint> {
        const NAMES: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
        // one that cannot be used must not send traces elsewhere
        let parsed = match (self.get(NAMES[0]), self.get(NAMES[1])) {
            (Some(url), _) => Endpoint::exact(&url).map_err(|error| (NAMES[0], error)),
            (None, Some(base)) => Endpoint::below(&base).map_err(|error| (NAMES[1], error)),
            (None, None) if by_default => {
                Endpoint::below("http://localhost:4318").map_err(|error| (NAMES[1], error))
            }
            (None, None) => return None,
        };
        match parsed {
            Ok(endpoint) => Some(endpoint),
            Err((name, error)) => {
                self.warn(name, &format!("cannot be used, no traces are exported: {error}"));
                None
            }
        }
    }

    /// There is no choice; all there is to do is to say so.
    pub(super) fn protocol(&mut self) {
        self.first(&["OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"], |value| {
            if value.eq_ignore_ascii_case("none") {
                return Ok(());
            }
            Err(format!("{value:?} is not supported; exporting uncompressed"))
        });
        self.first(&["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"], |value| {
            if value.eq_ignore_ascii_case("http/protobuf") {
                return Ok(());
            }
            Err(format!(
                "{value:?} is not spoken; exporting \"http/protobuf\", so the endpoint must be one of \
                    OTLP/HTTP, \
                 port 4318"
            ))
        });
    }

    pub(super) fn headers(&mut self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for name in ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"] {
            let Some(list) = self.get(name) else { continue };
            for pair in list.split(',').filter(|pair| !pair.trim().is_empty()) {
                let parsed = pair.split_once('=').and_then(|(key, value)| {
                    let value = HeaderValue::from_str(&decode(value)?).ok()?;
                    Some((HeaderName::try_from(key.trim()).ok()?, value))
                });
                match parsed {
                    Some((key, value)) => {
                        headers.insert(key, value);
                    }
                    // a secret may be in it
                    None => self.warn(name, "has an entry that is no NAME=VALUE of a header; it is left out"),
                }
            }
            break;
        }
        headers
    }

    pub(super) fn timeout(&mut self) -> Duration {
        let names = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];
        match self.first(&names, millis) {
            Some(Duration::ZERO) => NO_LIMIT,
            Some(timeout) => timeout,
            None => TIMEOUT,
        }
    }
}
