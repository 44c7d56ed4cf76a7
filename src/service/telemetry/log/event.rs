//! A log event between the thread where it happened and the log thread.

use std::{
    fmt::{self, Write},
    time::SystemTime,
};

use tracing::{
    Event, Metadata,
    field::{Field, Value, Visit},
};
use uecho_probe::escape;

use crate::telemetry::log::{dated::Dated, moment::rfc3339};

/// The most bytes of one value; a longer one is cut there. This is more than a datagram to the journal can
/// have.
const MAX_VALUE_BYTES: usize = 256 * 1024;

/// An event with its values copied, control characters made visible.
pub(super) struct Captured {
    /// When it happened.
    pub(super) time: SystemTime,
    metadata: &'static Metadata<'static>,
    values: Vec<(usize, Owned)>,
}

enum Owned {
    I64(i64),
    U64(u64),
    F64(f64),
    Bool(bool),
    Text(String),
}

impl Owned {
    fn borrow(&self) -> &dyn Value {
        match self {
            Self::I64(number) => number,
            Self::U64(number) => number,
            Self::F64(number) => number,
            Self::Bool(truth) => truth,
            Self::Text(text) => text,
        }
    }
}

impl Captured {
    pub(super) fn of(event: &Event<'_>) -> Self {
        let mut captured = Self { time: SystemTime::now(), metadata: event.metadata(), values: Vec::new() };
        event.record(&mut captured);
        captured
    }

    /// Makes the event again. Every text becomes a string, however it was recorded, so that an output quotes
    /// it like any other string.
    pub(super) fn replay(&self, take: impl FnOnce(&Event<'_>)) {
        self.make(self.metadata, None, take);
    }

    /// Makes the event again, with its time as a field of its own.
    pub(super) fn replay_dated(&self, dated: &mut Dated, take: impl FnOnce(&Event<'_>)) {
        let mut time = String::new();
        // to write to a String cannot fail
        let _ = write!(time, "{}", rfc3339(self.time));
        self.make(dated.of(self.metadata), Some(&time), take);
    }

    fn make(
        &self,
        metadata: &'static Metadata<'static>,
        time: Option<&String>,
        take: impl FnOnce(&Event<'_>),
    ) {
        let fields = metadata.fields();
        let mut values: Vec<Option<&dyn Value>> = vec![None; fields.len()];
        for (index, value) in &self.values {
            values[*index] = Some(value.borrow());
        }
        if let (Some(last), Some(time)) = (values.last_mut(), time) {
            *last = Some(time);
        }
        take(&Event::new(metadata, &fields.value_set_all(&values)));
    }

    fn push(&mut self, field: &Field, value: Owned) {
        self.values.push((field.index(), value));
    }
}

impl Visit for Captured {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, Owned::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, Owned::U64(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, Owned::F64(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, Owned::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let text = escape::controls(escape::cap(value, MAX_VALUE_BYTES)).into_owned();
        self.push(field, Owned::Text(text));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = Capped(String::new());
        let _ = write!(text, "{value:?}");
        self.record_str(field, &text.0);
    }
}

/// Text that stops growing at [`MAX_VALUE_BYTES`].
struct Capped(String);

impl fmt::Write for Capped {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.push_str(escape::cap(text, MAX_VALUE_BYTES - self.0.len()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tracing::{Subscriber, subscriber::with_default};
    use tracing_subscriber::{
        Registry,
        layer::{Context, Layer, SubscriberExt},
    };

    use super::*;

    /// The names and values of the events that are made again.
    #[derive(Default)]
    struct Again(Mutex<Vec<String>>);

    impl<S: Subscriber> Layer<S> for &'static Again {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut seen = self.0.lock().unwrap();
            let mut see = |field: &Field, value: &dyn fmt::Debug| seen.push(format!("{field}={value:?}"));
            let captured = Captured { time: SystemTime::UNIX_EPOCH, ..Captured::of(event) };
            captured.replay(|event| event.record(&mut see));
            captured.replay_dated(&mut Dated::default(), |event| event.record(&mut see));
        }
    }

    #[test]
    fn an_event_is_made_again_without_control_characters_and_with_its_time() {
        let again: &Again = Box::leak(Box::default());
        with_default(Registry::default().with(again), || {
            tracing::warn!(text = "a\nb\u{1b}", other = %"\u{9b}", number = 7, "said\r");
        });
        let fields = [r#"message="said\\r""#, r#"text="a\\nb\\u001b""#, r#"other="\\u009b""#, "number=7"];
        let time = [r#"timestamp="1970-01-01T00:00:00.000000Z""#];
        assert_eq!(*again.0.lock().unwrap(), [&fields[..], &fields, &time].concat());
    }

    #[test]
    fn a_long_value_is_cut() {
        let mut text = Capped("x".repeat(MAX_VALUE_BYTES - 1));
        write!(text, "ä and {}", 7).unwrap();
        assert_eq!(text.0.len(), MAX_VALUE_BYTES - 1);
        write!(text, "y and {}", 7).unwrap();
        assert_eq!(text.0.len(), MAX_VALUE_BYTES);
    }
}
