//! Who sends the spans: the receipt and the host as resource attributes, under their OpenTelemetry names.

use opentelemetry::KeyValue;
use opentelemetry_sdk::{Resource, resource::TelemetryResourceDetector};
use uecho_probe::receipt::Receipt;

/// Version of the semantic conventions that all our names are from.
pub(super) const SCHEMA: &str = "https://opentelemetry.io/schemas/1.37.0";

/// The resource of this process; `set` adds attributes and replaces our own.
pub(super) fn of(receipt: &Receipt, set: &[KeyValue]) -> Resource {
    let Receipt { version, revision, instance, system, boot } = receipt;
    let own = [
        ("service.name", "uecho"),
        ("service.version", version),
        ("service.instance.id", instance),
        ("vcs.ref.head.revision", revision),
        ("host.name", &rustix::system::uname().nodename().to_string_lossy()),
        ("uecho.system", system),
        ("uecho.boot", boot),
    ]
    .map(|(key, value)| KeyValue::new(key, value.to_owned()));
    let pid = KeyValue::new("process.pid", i64::from(std::process::id()));
    Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_schema_url(own, SCHEMA)
        .with_attributes([pid])
        .with_attributes(set.iter().cloned())
        .build()
}

#[cfg(test)]
mod tests {
    use opentelemetry::Key;

    use super::*;
    use crate::telemetry::traces::options::{Variables, attributes::attributes};

    fn get(variables: &[(&str, &str)], key: &'static str) -> Option<String> {
        let mut variables =
            Variables::new(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        of(&Receipt::of("node-a", "26.05", None), &attributes(&mut variables))
            .get(&Key::new(key))
            .map(|value| value.to_string())
    }

    #[test]
    fn variables_add_and_replace() {
        assert_eq!(get(&[], "service.name").as_deref(), Some("uecho"));
        assert_eq!(get(&[], "service.instance.id").as_deref(), Some("node-a"));
        let set = ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other, deployment.environment.name = a%2Cb ,");
        assert_eq!(get(&[set], "service.name").as_deref(), Some("other"));
        assert_eq!(get(&[set], "deployment.environment.name").as_deref(), Some("a,b"));
        let name = ("OTEL_SERVICE_NAME", "echo-eu");
        assert_eq!(get(&[set, name], "service.name").as_deref(), Some("echo-eu"));
    }
}
