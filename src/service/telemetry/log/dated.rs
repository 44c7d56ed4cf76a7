//! Events with their time as a field, for an output that takes the time in no other way.

use std::collections::HashMap;

use tracing::{
    Metadata,
    callsite::{Callsite, Identifier},
    field::FieldSet,
    metadata::Kind,
    subscriber::Interest,
};

/// The name of the field, which comes last: RFC 3339 in UTC.
const TIMESTAMP: &str = "timestamp";

/// The metadata of the call sites of events, with that field added. Their number is that of the call sites in
/// the program, and they are never freed.
#[derive(Default)]
pub(super) struct Dated(HashMap<Identifier, &'static Metadata<'static>>);

impl Dated {
    /// The same metadata with the field added.
    pub(super) fn of(&mut self, metadata: &'static Metadata<'static>) -> &'static Metadata<'static> {
        self.0.entry(metadata.callsite()).or_insert_with(|| Site::leak(metadata))
    }
}

/// The call site that identifies the new metadata.
struct Site(&'static Metadata<'static>);

impl Site {
    fn leak(of: &'static Metadata<'static>) -> &'static Metadata<'static> {
        let names: Vec<_> = of.fields().iter().map(|field| field.name()).chain([TIMESTAMP]).collect();
        let fields = FieldSet::new(Box::leak(names.into()), Identifier(Box::leak(Box::new(Self(of)))));
        let (file, line, module) = (of.file(), of.line(), of.module_path());
        let dated =
            Metadata::new(of.name(), of.target(), *of.level(), file, line, module, fields, Kind::EVENT);
        Box::leak(Box::new(dated))
    }
}

impl Callsite for Site {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        self.0
    }
}
