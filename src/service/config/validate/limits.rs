//! `[limits]` and `[drain]`: nothing so small that no request passes, nothing so large that it is no limit.

use uecho_probe::units::{Size, Span};

use crate::config::{
    Settings,
    settings::{Drain, Limits},
    validate::Checker,
};

pub(super) fn check(settings: &Settings, checker: &mut Checker<'_>) {
    let Limits {
        headers,
        header_bytes,
        uri_bytes,
        body_bytes,
        memory,
        first_byte,
        header,
        body,
        handler,
        idle,
        connections,
        in_flight,
        http2_streams,
    } = settings.limits;
    // http::HeaderMap holds 32768 at most, http::Uri 65534 bytes
    // the watchdog's own request has four, and up to 126 bytes of text
    checker.count("limits.headers", headers, 4, 32768);
    checker.size("limits.header_bytes", header_bytes, Size(256), Size::kib(16 << 10));
    checker.size("limits.uri_bytes", uri_bytes, Size(128), Size(65534));
    checker.size("limits.body_bytes", body_bytes, Size(0), Size::kib(1 << 20));
    // the answer that mirrors a request is six times as long as its text when every byte is escaped, and both are held for a moment
    let request = body_bytes.0.saturating_add(header_bytes.0).saturating_add(uri_bytes.0);
    let enough = Size(request.saturating_mul(8));
    checker.require(
        "limits.memory",
        memory >= enough,
        &format!(
            "expected {enough} or more, so that one request fits: 8 times limits.body_bytes, header_bytes and uri_bytes together; \
             found {memory}"
        ),
    );
    for (key, span) in [
        ("limits.first_byte", first_byte),
        ("limits.header", header),
        ("limits.body", body),
        ("limits.handler", handler),
        ("limits.idle", idle),
    ] {
        checker.positive(key, span);
    }
    checker.count("limits.connections", connections, 1, 1_000_000);
    checker.count("limits.in_flight", in_flight, 1, 1_000_000);
    checker.count("limits.http2_streams", http2_streams.try_into().unwrap_or(usize::MAX), 1, 100_000);

    let Drain { delay, deadline } = settings.drain;
    checker.at_most("drain.delay", delay, Span::secs(60 * 60));
    checker.at_most("drain.deadline", deadline, Span::secs(60 * 60));
}
