//! Events as lines of text: `TIME LEVEL TARGET: MESSAGE KEY=VALUE ...`, like the default of `tracing-subscriber`, without what that does
//! for colours and spans, and with the calendar worked out once a second: it counts when every request leaves one. Strings are quoted
//! and escaped as in Rust, so that a line has one way to be read.

use std::{
    cell::RefCell,
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext,
        format::{FormatEvent, FormatFields, Writer},
    },
    registry::LookupSpan,
};

use super::escape;

/// The format; spans are not shown.
pub(super) struct Text;

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        write_time(&mut writer, SystemTime::now())?;
        let metadata = event.metadata();
        write!(writer, " {:>5} {}:", metadata.level().as_str(), metadata.target())?;
        let mut line = Line { writer: writer.by_ref(), result: Ok(()) };
        event.record(&mut line);
        line.result?;
        writer.write_char('\n')
    }
}

/// RFC 3339 in UTC, with microseconds. The calendar is worked out once a second.
fn write_time(writer: &mut Writer<'_>, now: SystemTime) -> fmt::Result {
    thread_local! {
        static SECOND: RefCell<(u64, String)> = const { RefCell::new((u64::MAX, String::new())) };
    }
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    SECOND.with_borrow_mut(|(second, text)| {
        if *second != now.as_secs() {
            *second = now.as_secs();
            *text = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(*second)).to_string();
        }
        write!(writer, "{}.{:06}Z", text.trim_end_matches('Z'), now.subsec_micros())
    })
}

struct Line<'w> {
    writer: Writer<'w>,
    result: fmt::Result,
}

impl Line<'_> {
    fn write(&mut self, field: &Field, write: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        self.result = self.result.and_then(|()| {
            self.writer.write_char(' ')?;
            if field.name() != "message" {
                self.writer.write_str(field.name())?;
                self.writer.write_char('=')?;
            }
            write(&mut self.writer)
        });
    }
}

/// Writes a string as Rust's `Debug` does; nearly all of them have nothing to be escaped.
fn write_quoted(writer: &mut Writer<'_>, text: &str) -> fmt::Result {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\') {
        writer.write_char('"')?;
        writer.write_str(text)?;
        writer.write_char('"')
    } else {
        write!(writer, "{text:?}")
    }
}

impl Visit for Line<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.write(field, |writer| match field.name() {
            "message" => writer.write_str(&escape::controls(value)),
            _ => write_quoted(writer, value),
        });
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.write(field, |writer| write!(writer, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.write(field, |writer| write!(writer, "{value}"));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.write(field, |writer| write!(writer, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.write(field, |writer| write!(writer, "{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut Writer<'_>) -> fmt::Result) -> String {
        let mut text = String::new();
        write(&mut Writer::new(&mut text)).unwrap();
        text
    }

    #[test]
    fn times_are_rfc_3339() {
        let time = UNIX_EPOCH + Duration::from_micros(1_795_307_548_000_042);
        assert_eq!(written(|writer| write_time(writer, time)), "2026-11-22T00:32:28.000042Z");
    }

    proptest! {
        #[test]
        fn strings_are_quoted_as_rust_does(text in "[ -~]{0,40}|\\PC{0,20}|[\\x00-\\x9f\"\\\\]{0,20}") {
            let quoted = written(|writer| write_quoted(writer, &text));
            prop_assert_eq!(&quoted, &format!("{text:?}"));
            prop_assert!(!quoted.contains(char::is_control));
        }
    }
}
