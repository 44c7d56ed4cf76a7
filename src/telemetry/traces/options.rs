//! What is exported where: the keys `[otlp]`, before the standard variables, before defaults.
//!
//! | key | variables | default |
//! |---|---|---|
//! | `otlp.endpoint` | `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` (as it is), `OTEL_EXPORTER_OTLP_ENDPOINT` (`/v1/traces` is appended) | no export |
//! | `otlp.headers` | `OTEL_EXPORTER_OTLP_TRACES_HEADERS`, `OTEL_EXPORTER_OTLP_HEADERS`; names that the key does not have | none |
//! | `otlp.timeout` | `OTEL_EXPORTER_OTLP_TRACES_TIMEOUT`, `OTEL_EXPORTER_OTLP_TIMEOUT`, in milliseconds | 10 s |
//! | `otlp.sample_ratio` (parent-based) | `OTEL_TRACES_SAMPLER` with `OTEL_TRACES_SAMPLER_ARG` | `parentbased_always_on` |
//! | | `OTEL_EXPORTER_OTLP_TRACES_PROTOCOL`, `OTEL_EXPORTER_OTLP_PROTOCOL`: only `http/protobuf` is spoken | `http/protobuf` |
//! | | `OTEL_EXPORTER_OTLP_TRACES_COMPRESSION`, `OTEL_EXPORTER_OTLP_COMPRESSION`: only `none` | `none` |
//! | | `OTEL_SDK_DISABLED=true` and `OTEL_TRACES_EXPORTER=none` switch the export off, whatever else is set | |
//!
//! `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`: see [`super::resource`]; `OTEL_BSP_*`: read by the SDK's batch processor.
//! A key that cannot be used is a configuration error. A variable that cannot be used is ignored with a warning, as its
//! specification demands (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>): it is often set for a
//! whole fleet. An empty variable counts as unset.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret;

use super::sampler::Sampler;
use crate::{
    config::{ConfigError, settings::Otlp},
    peers::url::BaseUrl,
};

/// Looks up a variable of the environment.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The environment of this process.
#[must_use]
pub fn process(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Path of the signal below an endpoint that is a base.
const SIGNAL_PATH: &str = "/v1/traces";
const TIMEOUT: Duration = Duration::from_secs(10);

/// Keys and variables, merged.
pub struct Options {
    /// For requests, once something is exported.
    pub sampler: Sampler,
    /// None: nothing is exported.
    pub export: Option<Export>,
    /// Variables that cannot be used, a sentence each.
    pub warnings: Vec<String>,
}

/// Where spans go.
pub struct Export {
    /// The whole URL, nothing is appended.
    pub endpoint: BaseUrl,
    /// Sent with every export; marked as sensitive.
    pub headers: HeaderMap,
    /// For one attempt, from the name lookup to the end of the answer.
    pub timeout: Duration,
}

impl Options {
    /// Merges all sources.
    ///
    /// # Errors
    /// A key cannot be used.
    pub fn resolve(keys: &Otlp, variables: Variables<'_>) -> Result<Self, ConfigError> {
        let mut source = Source { variables, warnings: Vec::new() };
        let sampler = keys.sample_ratio.map_or_else(|| source.sampler(), Sampler::parent_based);
        let endpoint = match &keys.endpoint {
            Some(base) => Some(
                with_signal_path(base)
                    .map_err(|error| ConfigError::new(format!("otlp.endpoint: {error}")))?,
            ),
            None => source.endpoint(),
        };
        let export = match endpoint {
            Some(endpoint) if source.enabled() => Some(Export {
                endpoint,
                headers: headers(keys, &mut source)?,
                timeout: keys.timeout.map_or_else(|| source.timeout(), |timeout| timeout.0),
            }),
            _ => None,
        };
        Ok(Self { sampler, export, warnings: source.warnings })
    }
}

fn with_signal_path(base: &str) -> Result<BaseUrl, String> {
    let mut url: BaseUrl = base.parse()?;
    url.prefix.push_str(SIGNAL_PATH);
    Ok(url)
}

fn headers(keys: &Otlp, source: &mut Source<'_>) -> Result<HeaderMap, ConfigError> {
    let mut headers = source.headers();
    for (name, value) in &keys.headers {
        let wrong = |what: &str| ConfigError::new(format!("otlp.headers: {name:?} {what}"));
        let key = HeaderName::try_from(name).map_err(|_| wrong("is no header name"))?;
        let value = HeaderValue::from_str(value.expose_secret());
        headers.insert(key, value.map_err(|_| wrong("has a value no header may have"))?);
    }
    headers.values_mut().for_each(|value| value.set_sensitive(true));
    Ok(headers)
}

struct Source<'a> {
    variables: Variables<'a>,
    warnings: Vec<String>,
}

impl Source<'_> {
    /// The first of these variables that is set, with its name.
    fn first<'n>(&self, names: &[&'n str]) -> Option<(&'n str, String)> {
        names.iter().find_map(|name| {
            let value = (self.variables)(name)?;
            (!value.trim().is_empty()).then(|| (*name, value.trim().to_owned()))
        })
    }

    fn warn(&mut self, name: &str, what: &str) {
        self.warnings.push(format!("{name} {what}"));
    }

    fn enabled(&mut self) -> bool {
        if self.first(&["OTEL_SDK_DISABLED"]).is_some_and(|(_, value)| value.eq_ignore_ascii_case("true")) {
            return false;
        }
        match self.first(&["OTEL_TRACES_EXPORTER"]) {
            Some((_, value)) if value == "none" => return false,
            Some((name, value)) if value != "otlp" => {
                self.warn(
                    name,
                    &format!("is {value:?}: only \"otlp\" and \"none\" are supported; using \"otlp\""),
                );
            }
            _ => {}
        }
        let compression =
            self.first(&["OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"]);
        if let Some((name, value)) = compression
            && value != "none"
        {
            self.warn(name, &format!("is {value:?}: only \"none\" is supported; exporting uncompressed"));
        }
        match self.first(&["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"]) {
            Some((name, value)) if value != "http/protobuf" => {
                self.warn(
                    name,
                    &format!(
                        "is {value:?}: only \"http/protobuf\" is spoken; exporting that, so the endpoint must be an OTLP/HTTP one (port 4318)"
                    ),
                );
            }
            _ => {}
        }
        true
    }

    fn endpoint(&mut self) -> Option<BaseUrl> {
        let (name, parsed) = if let Some((name, url)) = self.first(&["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]) {
            (name, url.parse())
        } else {
            let (name, base) = self.first(&["OTEL_EXPORTER_OTLP_ENDPOINT"])?;
            (name, with_signal_path(&base))
        };
        parsed
            .map_err(|error| self.warn(name, &format!("cannot be used, no traces are exported: {error}")))
            .ok()
    }

    fn headers(&mut self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let Some((name, list)) =
            self.first(&["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"])
        else {
            return headers;
        };
        for pair in list.split(',').filter(|pair| !pair.trim().is_empty()) {
            let parsed = pair.split_once('=').and_then(|(key, value)| {
                let value = percent_encoding::percent_decode_str(value.trim()).collect::<Vec<u8>>();
                Some((HeaderName::try_from(key.trim()).ok()?, HeaderValue::from_bytes(&value).ok()?))
            });
            match parsed {
                Some((key, value)) => {
                    headers.insert(key, value);
                }
                // a secret may be in it
                None => self.warn(name, "has an entry that is no NAME=VALUE of a header; it is left out"),
            }
        }
        headers
    }

    fn timeout(&mut self) -> Duration {
        let Some((name, value)) =
            self.first(&["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"])
        else {
            return TIMEOUT;
        };
        if let Some(millis) = value.parse().ok().filter(|millis| *millis > 0) {
            return Duration::from_millis(millis);
        }
        self.warn(name, &format!("is {value:?}, no positive number of milliseconds; using 10000"));
        TIMEOUT
    }

    fn sampler(&mut self) -> Sampler {
        let Some((name, value)) = self.first(&["OTEL_TRACES_SAMPLER"]) else {
            return Sampler::parent_based(1.0);
        };
        match value.as_str() {
            "always_on" => Sampler::ratio(1.0),
            "always_off" => Sampler::ratio(0.0),
            "traceidratio" => Sampler::ratio(self.ratio()),
            "parentbased_always_on" => Sampler::parent_based(1.0),
            "parentbased_always_off" => Sampler::parent_based(0.0),
            "parentbased_traceidratio" => Sampler::parent_based(self.ratio()),
            _ => {
                self.warn(name, &format!("is {value:?}, not supported; using \"parentbased_always_on\""));
                Sampler::parent_based(1.0)
            }
        }
    }

    fn ratio(&mut self) -> f64 {
        let name = "OTEL_TRACES_SAMPLER_ARG";
        let Some((_, value)) = self.first(&[name]) else { return 1.0 };
        if let Some(ratio) = value.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio)) {
            return ratio;
        }
        self.warn(name, &format!("is {value:?}, no number from 0.0 to 1.0; using 1.0"));
        1.0
    }
}

#[cfg(test)]
mod tests;
