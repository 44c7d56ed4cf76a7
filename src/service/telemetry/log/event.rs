//! A log event on its way from where it happened to the log thread.

use std::{
    borrow::Cow,
    fmt::{self, Write},
    time::SystemTime,
};

use tracing::{
    Event, Metadata,
    field::{Field, Value, Visit},
};

use crate::telemetry::log::{
    dated::Dated,
    escape,
    moment::{Moment, at},
};

/// Most bytes of one value; what is longer is cut there. More than a datagram to the journal holds.
const MAX_VALUE_BYTES: usize = 256 * 1024;

/// An event with its values copied.
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

impl Captured {
    pub(super) fn of(event: &Event<'_>) -> Self {
        let mut captured = Self { time: SystemTime::now(), metadata: event.metadata(), values: Vec::new() };
        event.record(&mut captured);
        captured
    }

    /// Makes the event again. Text goes as a string, however it was made, so that it is quoted wherever others would be.
    pub(super) fn replay(&self, take: impl FnOnce(&Event<'_>)) {
        let texts = self.texts(Into::into);
        self.make(self.metadata, &texts, None, take);
    }

    /// Makes the event again, with control characters made visible and its time as a field of its own.
    pub(super) fn replay_dated(&self, dated: &mut Dated, take: impl FnOnce(&Event<'_>)) {
        let mut time = String::new();
        // a String takes everything
        let _ = at(self.time, || Moment::write(&mut time));
        self.make(dated.of(self.metadata), &self.texts(escape::controls), Some(&time), take);
    }

    fn texts<'a>(&'a self, shown: impl Fn(&'a str) -> Cow<'a, str>) -> Vec<Cow<'a, str>> {
        let text = |(_, value): &'a (usize, Owned)| match value {
            Owned::Text(text) => shown(text),
            _ => "".into(),
        };
        self.values.iter().map(text).collect()
    }

    fn make(
        &self,
        metadata: &'static Metadata<'static>,
        texts: &[Cow<'_, str>],
        time: Option<&str>,
        take: impl FnOnce(&Event<'_>),
    ) {
        let strs: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        let fields = metadata.fields();
        let mut values: Vec<Option<&dyn Value>> = vec![None; fields.len()];
        if let (Some(last), Some(time)) = (values.last_mut(), &time) {
            *last = Some(time);
        }
        for ((index, value), text) in self.values.iter().zip(&strs) {
            values[*index] = Some(match value {
                Owned::I64(number) => number,
                Owned::U64(number) => number,
                Owned::F64(number) => number,
                Owned::Bool(truth) => truth,
                Owned::Text(_) => text,
            });
        }
        take(&Event::new(metadata, &fields.value_set_all(&values)));
    }

    fn text(&mut self, field: &Field, text: String) {
        self.values.push((field.index(), Owned::Text(text)));
    }
}

impl Visit for Captured {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.values.push((field.index(), Owned::I64(value)));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.values.push((field.index(), Owned::U64(value)));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.values.push((field.index(), Owned::F64(value)));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.values.push((field.index(), Owned::Bool(value)));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, escape::cap(value, MAX_VALUE_BYTES).to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = Capped(String::new());
        let _ = write!(text, "{value:?}");
        self.text(field, text.0);
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
