//! Events as lines of text: `TIME LEVEL TARGET: MESSAGE KEY=VALUE ...`, like the default of `tracing-subscriber`, without what that does
//! for colours and spans. Strings are quoted
//! and escaped as in Rust, so that a line has one way to be read.

use std::fmt;

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

use crate::telemetry::log::{escape, moment::Moment};

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
        Moment::write(&mut writer)?;
        let metadata = event.metadata();
        write!(writer, " {:>5} {}:", metadata.level().as_str(), metadata.target())?;
        let mut line = Line { writer: writer.by_ref(), result: Ok(()) };
        event.record(&mut line);
        line.result?;
        writer.write_char('\n')
    }
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

    proptest! {
        #[test]
        fn strings_are_quoted_as_rust_does(text in "[ -~]{0,40}|\\PC{0,20}|[\\x00-\\x9f\"\\\\]{0,20}") {
            let quoted = written(|writer| write_quoted(writer, &text));
            prop_assert_eq!(&quoted, &format!("{text:?}"));
            prop_assert!(!quoted.contains(char::is_control));
        }
    }
}
