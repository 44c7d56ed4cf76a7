//! Which traces are recorded: decided from the trace id and the caller's flag alone, in nanoseconds.

use crate::telemetry::trace_context::TraceId;

/// A sampling decision to be, as `OTEL_TRACES_SAMPLER` names them: `[parentbased_]{always_on,always_off,traceidratio}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampler {
    /// Whether the caller's decision, if there is one, is taken over.
    parent_based: bool,
    /// Trace ids of which 63 bits are below this number are sampled.
    bound: u64,
}

const ALL: u64 = 1 << 63;

impl Sampler {
    /// Decides nothing: the caller's flag is passed on, new traces are not sampled. For when nothing is exported.
    pub const PASS_ON: Self = Self { parent_based: true, bound: 0 };

    /// Takes over the caller's decision; of new traces, samples this share, 0.0 to 1.0.
    #[must_use]
    pub fn parent_based(ratio: f64) -> Self {
        Self { parent_based: true, ..Self::ratio(ratio) }
    }

    /// Samples this share of all traces, 0.0 to 1.0, whatever the caller has decided.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "0 to 2^63, where a cast saturates, and a share of traces needs no 64 bits of precision"
    )]
    pub fn ratio(ratio: f64) -> Self {
        Self {
            parent_based: false,
            bound: if ratio >= 1.0 { ALL } else { (ratio.max(0.0) * ALL as f64) as u64 },
        }
    }

    /// Decides. The same trace id meets the same decision everywhere: the numbers compared are those of the OpenTelemetry SDKs.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half of the id is meant")]
    pub fn sample(self, trace: TraceId, parent: Option<bool>) -> bool {
        match parent {
            Some(sampled) if self.parent_based => sampled,
            _ => (trace.0 as u64) >> 1 < self.bound,
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_sdk::trace::ShouldSample;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_parent_decides_only_where_it_is_asked() {
        let any = TraceId(u128::MAX);
        assert!(Sampler::parent_based(0.0).sample(any, Some(true)));
        assert!(!Sampler::parent_based(1.0).sample(any, Some(false)));
        assert!(!Sampler::ratio(0.0).sample(any, Some(true)));
        assert!(Sampler::ratio(1.0).sample(any, Some(false)));
        assert!(Sampler::PASS_ON.sample(any, Some(true)) && !Sampler::PASS_ON.sample(any, None));
    }

    proptest! {
        #[test]
        fn decisions_are_those_of_the_sdk(trace: u128, ratio in 0.0..=1.0) {
            let sdk = opentelemetry_sdk::trace::Sampler::TraceIdRatioBased(ratio)
                .should_sample(
                    None,
                    opentelemetry::TraceId::from(trace),
                    "",
                    &opentelemetry::trace::SpanKind::Server,
                    &[],
                    &[],
                )
                .decision;
            let sampled = sdk == opentelemetry_sdk::trace::SamplingDecision::RecordAndSample;
            prop_assert_eq!(Sampler::ratio(ratio).sample(TraceId(trace), None), sampled);
        }
    }
}
