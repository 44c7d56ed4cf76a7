//! `traceparent` is accepted when the specification says so, continued with its own ids, and never anything
//! else.

#![no_main]

use libfuzzer_sys::fuzz_target;
use uecho::telemetry::trace_context::{TraceContext, parse};

fuzz_target!(|bytes: &[u8]| {
    let parsed = parse(bytes);
    assert_eq!(parsed.is_some(), valid(bytes), "{}", bytes.escape_ascii());

    let context = TraceContext::accept(Some(bytes), |_, caller| caller == Some(true));
    assert_ne!((context.trace_id.0, context.span_id.0), (0, 0));
    match parsed {
        Some((trace_id, parent, flags)) => {
            assert_eq!((context.trace_id, context.parent), (trace_id, Some(parent)));
            assert_eq!(context.sampled, flags & 1 == 1);
            assert_eq!(trace_id.to_string().as_bytes(), &bytes[3..35]);
        }
        None => assert_eq!((context.parent, context.sampled), (None, false)),
    }
    let sent = context.traceparent(context.span_id);
    assert_eq!(
        parse(sent.as_bytes()).map(|(trace_id, parent, _)| (trace_id, parent)),
        Some((context.trace_id, context.span_id))
    );
});

/// W3C Trace Context, section 3.2, field by field.
fn valid(bytes: &[u8]) -> bool {
    let fields = bytes.split(|byte| *byte == b'-').collect::<Vec<_>>();
    let hex = |field: &[u8], length| {
        field.len() == length && field.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let zero = |field: &[u8]| field.iter().all(|byte| *byte == b'0');
    let [version, trace_id, parent, flags, more @ ..] = fields.as_slice() else { return false };
    hex(version, 2)
        && *version != b"ff"
        && hex(trace_id, 32)
        && !zero(trace_id)
        && hex(parent, 16)
        && !zero(parent)
        && hex(flags, 2)
        && (*version != b"00" || more.is_empty())
}
