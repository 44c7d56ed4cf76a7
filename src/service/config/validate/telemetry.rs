//! `[log]` and `[otlp]`: a filter that parses, a collector that can be addressed.

use http::{HeaderName, HeaderValue};
use secrecy::ExposeSecret;
use tracing_subscriber::EnvFilter;
use uecho_probe::url::BaseUrl;

use crate::config::{
    Settings,
    settings::REDACTED,
    validate::{Checker, DAY},
};

pub(super) fn check(settings: &Settings, checker: &mut Checker<'_>) {
    if let Err(error) = EnvFilter::builder().parse(&settings.log.filter) {
        checker.problem("log.filter", &format!("{error}; write it like \"info\" or \"info,uecho=debug\""));
    }
    checker.at_most("log.slow", settings.log.slow, DAY);

    let otlp = &settings.otlp;
    if let Some(Err(text)) = otlp.endpoint.as_deref().map(str::parse::<BaseUrl>) {
        checker.problem("otlp.endpoint", &text);
    }
    for (name, value) in &otlp.headers {
        let value = value.expose_secret();
        if HeaderName::try_from(name).is_err() {
            checker.problem("otlp.headers", &format!("{name:?} is no header name"));
        } else if value == REDACTED {
            checker.problem("otlp.headers", &format!("the value of {name} is `{REDACTED}`, no secret"));
        } else if HeaderValue::from_str(value).is_err() {
            checker
                .problem("otlp.headers", &format!("the value of {name} has characters no header may have"));
        }
    }
    checker.require(
        "otlp.sample_ratio",
        otlp.sample_ratio.is_none_or(|ratio| (0.0..=1.0).contains(&ratio)),
        "expected a number from 0.0 (no trace) to 1.0 (every trace)",
    );
    if let Some(timeout) = otlp.timeout {
        checker.positive("otlp.timeout", timeout);
    }
}
