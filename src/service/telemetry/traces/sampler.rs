//! Which traces are recorded: the SDK's samplers are asked before there is a span, with the trace id and the
//! caller's flag alone.

use std::sync::LazyLock;

use opentelemetry::{
    Context, SpanId, TraceFlags,
    trace::{SpanContext, SpanKind, TraceContextExt, TraceState},
};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, ShouldSample};

use crate::telemetry::trace_context::TraceId;

/// Callers that have not sampled, and that have: nothing else of a caller counts.
static CALLERS: LazyLock<[Context; 2]> = LazyLock::new(|| {
    [TraceFlags::NOT_SAMPLED, TraceFlags::SAMPLED].map(|flags| {
        let (trace, span) = (opentelemetry::TraceId::from(1), SpanId::from(1));
        Context::new().with_remote_span_context(SpanContext::new(
            trace,
            span,
            flags,
            true,
            TraceState::default(),
        ))
    })
});

/// Takes over the caller's decision; of new traces, samples this share, 0.0 to 1.0. With 0.0 it decides
/// nothing.
pub(super) fn parent_based(ratio: f64) -> Sampler {
    Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio)))
}

/// Decides: `caller` is the flag of the caller, if it sent a trace context.
pub(super) fn sample(sampler: &Sampler, trace: TraceId, caller: Option<bool>) -> bool {
    let context = caller.map(|sampled| &CALLERS[usize::from(sampled)]);
    let asked = sampler.should_sample(context, trace.0.into(), "", &SpanKind::Server, &[], &[]);
    asked.decision == SamplingDecision::RecordAndSample
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_decides_only_where_it_is_asked() {
        let any = TraceId(u128::MAX);
        assert!(sample(&parent_based(0.0), any, Some(true)));
        assert!(!sample(&parent_based(1.0), any, Some(false)));
        assert!(!sample(&parent_based(0.0), any, None) && sample(&parent_based(1.0), any, None));
        assert!(!sample(&Sampler::AlwaysOff, any, Some(true)));
        assert!(sample(&Sampler::AlwaysOn, any, Some(false)));
    }

    #[test]
    fn the_lower_half_of_the_trace_id_decides() {
        let half = Sampler::TraceIdRatioBased(0.5);
        for caller in [None, Some(true), Some(false)] {
            assert!(sample(&half, TraceId(u128::MAX ^ u128::from(u64::MAX)), caller));
            assert!(!sample(&half, TraceId(u64::MAX.into()), caller));
        }
    }
}
