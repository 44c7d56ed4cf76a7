//! W3C Trace Context (<https://www.w3.org/TR/trace-context/>): the service accepts it, continues the trace
//! and passes it on, whether or not it exports traces.

mod state;

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};

/// `traceparent`
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// `tracestate`
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

const SAMPLED: u8 = 1;

/// A trace id; never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(pub u128);

/// A span id; never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanId(pub u64);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.hex()).unwrap_or_default())
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.hex()).unwrap_or_default())
    }
}

impl SpanId {
    /// 16 lower-case hexadecimal digits.
    #[must_use]
    pub fn hex(self) -> [u8; 16] {
        let mut hex = [0; 16];
        write_hex(&mut hex, &self.0.to_be_bytes());
        hex
    }
}

impl TraceId {
    /// 32 lower-case hexadecimal digits.
    #[must_use]
    pub fn hex(self) -> [u8; 32] {
        let mut hex = [0; 32];
        write_hex(&mut hex, &self.0.to_be_bytes());
        hex
    }

    /// The value of `X-Trace-Id`.
    #[must_use]
    pub fn header(self) -> HeaderValue {
        HeaderValue::from_bytes(&self.hex()).unwrap_or_else(|_| HeaderValue::from_static("0"))
    }
}

/// The place of a request in its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace, the caller's or a new one.
    pub trace_id: TraceId,
    /// Our own span.
    pub span_id: SpanId,
    /// The caller's span.
    pub parent: Option<SpanId>,
    /// Whether the trace is recorded.
    pub sampled: bool,
}

impl TraceContext {
    /// Continues the caller's trace, or starts one when `traceparent` is missing or malformed. `sample`
    /// decides whether the trace is recorded; it gets the trace id, and the caller's decision if there is
    /// one.
    #[must_use]
    pub fn accept(traceparent: Option<&[u8]>, sample: impl FnOnce(TraceId, Option<bool>) -> bool) -> Self {
        let span_id = SpanId(fastrand::u64(1..));
        if let Some((trace_id, parent, flags)) = traceparent.and_then(parse) {
            return Self {
                trace_id,
                span_id,
                parent: Some(parent),
                sampled: sample(trace_id, Some(flags & SAMPLED != 0)),
            };
        }
        let trace_id = TraceId(fastrand::u128(1..));
        Self { trace_id, span_id, parent: None, sampled: sample(trace_id, None) }
    }

    /// The `traceparent` for a request we send, with `span` as its parent.
    #[must_use]
    pub fn traceparent(&self, span: SpanId) -> HeaderValue {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        text[3..35].copy_from_slice(&self.trace_id.hex());
        text[36..52].copy_from_slice(&span.hex());
        text[54] += u8::from(self.sampled);
        HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// The `tracestate` to pass on: that of the caller, and only while its trace is continued (see
    /// [`state`]).
    #[must_use]
    pub fn tracestate(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        self.parent.and_then(|_| state::pass_on(headers.get_all(TRACESTATE).iter()))
    }
}

/// Reads `version "-" trace-id "-" parent-id "-" trace-flags`; later versions may append fields.
#[must_use]
pub fn parse(value: &[u8]) -> Option<(TraceId, SpanId, u8)> {
    let (head, tail) = value.split_at_checked(55)?;
    let version = hex(&head[..2])?;
    let dashes = head[2] == b'-' && head[35] == b'-' && head[52] == b'-';
    let ends = if version == 0 { tail.is_empty() } else { tail.is_empty() || tail[0] == b'-' };
    if version == 0xff || !dashes || !ends {
        return None;
    }
    let trace_id = hex(&head[3..35]).filter(|id| *id != 0)?;
    let parent = hex(&head[36..52]).filter(|id| *id != 0)?;
    let flags = hex(&head[53..55])?;
    Some((TraceId(trace_id), SpanId(u64::try_from(parent).ok()?), u8::try_from(flags).ok()?))
}

/// Computes the digits instead of using a table, so that the compiler can convert many bytes at once.
fn write_hex(hex: &mut [u8], bytes: &[u8]) {
    for (pair, byte) in hex.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *pair = [digit(byte >> 4), digit(byte & 15)];
    }
}

const fn digit(nibble: u8) -> u8 {
    nibble + if nibble < 10 { b'0' } else { b'a' - 10 }
}

fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_trace_is_continued() {
        let context = TraceContext::accept(Some(GOOD.as_bytes()), |_, parent| parent == Some(true));
        assert_eq!(context.trace_id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.parent, Some(SpanId(0x00f0_67aa_0ba9_02b7)));
        assert!(context.sampled);
        let next = context.traceparent(context.span_id);
        assert_eq!(parse(next.as_bytes()).unwrap().0, context.trace_id);
    }

    #[test]
    fn a_later_version_may_append_fields() {
        let later = GOOD.replacen("00", "cc", 1) + "-what-the-future-will-be-like";
        assert!(parse(later.as_bytes()).is_some());
        assert!(parse((later.clone() + ".").replace("-what", ".what").as_bytes()).is_none());
    }

    #[test]
    fn a_malformed_header_starts_a_new_trace() {
        let zero_trace = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        let zero_span = "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01";
        let upper = &GOOD.to_uppercase();
        let forbidden = &GOOD.replacen("00", "ff", 1);
        let trailing = &(GOOD.to_owned() + "-x");
        for bad in ["", "00", zero_trace, zero_span, upper, forbidden, trailing] {
            let context = TraceContext::accept(Some(bad.as_bytes()), |_, _| true);
            assert_eq!(context.parent, None, "{bad}");
            assert!(context.sampled);
        }
        assert_eq!(TraceContext::accept(None, |_, _| true).parent, None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn the_header_we_send_can_be_read_back(trace in 1u128.., span in 1u64.., sampled: bool) {
            let trace_id = TraceId(trace);
            let context = TraceContext { trace_id, span_id: SpanId(1), parent: None, sampled };
            let header = context.traceparent(SpanId(span));
            prop_assert_eq!(parse(header.as_bytes()), Some((trace_id, SpanId(span), u8::from(sampled))));
        }
    }
}
