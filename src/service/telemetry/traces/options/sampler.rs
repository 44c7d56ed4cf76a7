//! `OTEL_TRACES_SAMPLER` and its argument.

use opentelemetry_sdk::trace::Sampler;

use crate::telemetry::traces::{options::variables::Variables, sampler::parent_based};

impl Variables {
    pub(super) fn sampler(&mut self) -> Sampler {
        let argument = "OTEL_TRACES_SAMPLER_ARG";
        let found = self.first(&["OTEL_TRACES_SAMPLER"], |value| {
            Ok(match value.to_ascii_lowercase().as_str() {
                "always_on" => (Sampler::TraceIdRatioBased as fn(f64) -> _, Some(1.0)),
                "always_off" => (Sampler::TraceIdRatioBased as _, Some(0.0)),
                "traceidratio" => (Sampler::TraceIdRatioBased as _, None),
                "parentbased_always_on" => (parent_based as _, Some(1.0)),
                "parentbased_always_off" => (parent_based as _, Some(0.0)),
                "parentbased_traceidratio" => (parent_based as _, None),
                _ => return Err(format!("{value:?} is not supported; using \"parentbased_always_on\"")),
            })
        });
        let (sampler, ratio) = found.unwrap_or((parent_based, Some(1.0)));
        if let Some(ratio) = ratio {
            if self.get(argument).is_some() {
                self.warn(argument, "is ignored: OTEL_TRACES_SAMPLER names no sampler that takes one");
            }
            return sampler(ratio);
        }
        let ratio = self.first(&[argument], |value| {
            let ratio = value.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
            ratio.ok_or_else(|| format!("{value:?} is no number from 0.0 to 1.0; using 1.0"))
        });
        sampler(ratio.unwrap_or(1.0))
    }
}
