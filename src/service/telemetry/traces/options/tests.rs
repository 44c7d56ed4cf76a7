//! Every source of every option, and what wins.

mod table;

use secrecy::SecretString;
use uecho_probe::units::DurationValue;

use crate::telemetry::traces::options::{export::TIMEOUT, *};

pub(super) fn resolve(keys: &Otlp, variables: &[(&str, &str)]) -> Options {
    Options::resolve(keys, self::variables(variables)).unwrap()
}

pub(super) fn variables(set: &[(&str, &str)]) -> Variables {
    Variables::new(set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

fn endpoint(variables: &[(&str, &str)]) -> Option<String> {
    let export = resolve(&Otlp::default(), variables).export?;
    Some(format!("{}{}", export.endpoint.origin, export.endpoint.target))
}

#[test]
fn nothing_set_exports_nothing() {
    let options = resolve(&Otlp::default(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]);
    assert!(options.export.is_none() && options.warnings.is_empty());
}

#[test]
fn endpoints_are_bases_or_whole() {
    let general = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:4318/");
    assert_eq!(endpoint(&[general]).unwrap(), "http://a:4318/v1/traces");
    assert_eq!(endpoint(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a/x//")]).unwrap(), "http://a/x/v1/traces");
    for (whole, used) in [
        ("http://b:4318/mine", "http://b:4318/mine"),
        ("http://b:4318/mine/", "http://b:4318/mine/"),
        ("http://b:4318", "http://b:4318/"),
        ("http://b:4318/", "http://b:4318/"),
        ("http://b/v1/traces?key=a/b", "http://b/v1/traces?key=a/b"),
        ("http://b?key=1", "http://b/?key=1"),
    ] {
        let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", whole);
        assert_eq!(endpoint(&[general, own]).unwrap(), used);
    }
    let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://b:4318/mine?key=secret");
    let shown = resolve(&Otlp::default(), &[own]).export.unwrap().endpoint.to_string();
    assert_eq!(shown, "http://b:4318/mine", "a query may hold a secret");
    let keys = Otlp { endpoint: Some("http://c/x".into()), ..Otlp::default() };
    let export = resolve(&keys, &[general, own]).export.unwrap();
    assert_eq!(export.endpoint.to_string(), "http://c/x/v1/traces");
    assert_eq!(export.timeout, TIMEOUT);
}

#[test]
fn an_endpoint_that_cannot_be_used_sends_traces_nowhere_else() {
    let general = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:4318");
    for bad in ["b:4318", "http://b/#x", "http://user:pw@b/", "http://b/#x?y"] {
        let options = resolve(&Otlp::default(), &[general, ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", bad)]);
        assert!(options.export.is_none(), "{bad}");
        assert!(options.warnings[0].starts_with("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), "{bad}");
        assert!(!options.warnings[0].contains("pw"), "{:?}", options.warnings);
    }
}

#[test]
fn the_export_can_be_switched_off() {
    let general = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:4318");
    let keys = Otlp { endpoint: Some("http://c".into()), ..Otlp::default() };
    for off in [("OTEL_SDK_DISABLED", "TRUE"), ("OTEL_TRACES_EXPORTER", "None")] {
        let options = resolve(&keys, &[general, off]);
        assert!(options.export.is_none() && options.warnings.is_empty(), "{off:?}");
    }
}

#[test]
fn keys_win_over_variables() {
    let keys = Otlp {
        endpoint: Some("http://c".into()),
        headers: [("x-a".to_owned(), SecretString::from("key"))].into(),
        sample_ratio: Some(0.0),
        timeout: Some(DurationValue::secs(3)),
    };
    let options = resolve(
        &keys,
        &[
            ("OTEL_EXPORTER_OTLP_HEADERS", "X-A=general,x-b=general"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "X-A=variable, x-c = a%20b%2Cc "),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1"),
            ("OTEL_TRACES_SAMPLER", "always_on"),
        ],
    );
    assert_eq!(format!("{:?}", options.sampler), format!("{:?}", parent_based(0.0)));
    let export = options.export.unwrap();
    assert_eq!(export.timeout, Duration::from_secs(3));
    assert_eq!(
        (&export.headers["x-a"], &export.headers["x-c"]),
        (&"key".parse().unwrap(), &"a b,c".parse().unwrap())
    );
    assert!(!export.headers.contains_key("x-b"), "the list of the signal replaces the general one");
    assert!(!format!("{:?}", export.headers).contains("key"));
}

#[test]
fn an_unusable_key_is_an_error_that_names_it() {
    let keys = Otlp { endpoint: Some("collector".into()), ..Otlp::default() };
    let error = Options::resolve(&keys, variables(&[])).err().unwrap().to_string();
    assert!(error.contains("otlp.endpoint"), "{error}");
    let keys = Otlp {
        endpoint: Some("http://c".into()),
        headers: [("x-a".to_owned(), SecretString::from("s3cret\n"))].into(),
        ..Otlp::default()
    };
    let error = Options::resolve(&keys, variables(&[])).err().unwrap().to_string();
    assert!(error.contains("otlp.headers") && !error.contains("s3cret"), "{error}");
}
