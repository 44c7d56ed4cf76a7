//! Every source of every option, and what wins.

use secrecy::SecretString;

use super::*;
use crate::config::units::Span;

fn resolve(keys: &Otlp, variables: &[(&str, &str)]) -> Options {
    let variables =
        |name: &str| variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned());
    Options::resolve(keys, &variables).unwrap()
}

fn endpoint(variables: &[(&str, &str)]) -> Option<String> {
    resolve(&Otlp::default(), variables).export.map(|export| export.endpoint.to_string())
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
    let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://b:4318/mine");
    assert_eq!(endpoint(&[general, own]).unwrap(), "http://b:4318/mine");
    let keys = Otlp { endpoint: Some("http://c/x".into()), ..Otlp::default() };
    let export = resolve(&keys, &[general, own]).export.unwrap();
    assert_eq!(export.endpoint.to_string(), "http://c/x/v1/traces");
    assert_eq!(export.timeout, TIMEOUT);
}

#[test]
fn the_export_can_be_switched_off() {
    let general = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:4318");
    for off in [("OTEL_SDK_DISABLED", "TRUE"), ("OTEL_TRACES_EXPORTER", "none")] {
        assert_eq!(endpoint(&[general, off]), None, "{off:?}");
    }
    assert!(endpoint(&[general, ("OTEL_SDK_DISABLED", "1")]).is_some(), "only `true` disables");
}

#[test]
fn keys_win_over_variables() {
    let keys = Otlp {
        endpoint: Some("http://c".into()),
        headers: [("x-a".to_owned(), SecretString::from("key"))].into(),
        sample_ratio: Some(0.0),
        timeout: Some(Span::secs(3)),
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
    assert_eq!(options.sampler, Sampler::parent_based(0.0));
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
fn every_standard_sampler() {
    for (name, sampler) in [
        ("always_on", Sampler::ratio(1.0)),
        ("always_off", Sampler::ratio(0.0)),
        ("traceidratio", Sampler::ratio(0.25)),
        ("parentbased_always_on", Sampler::parent_based(1.0)),
        ("parentbased_always_off", Sampler::parent_based(0.0)),
        ("parentbased_traceidratio", Sampler::parent_based(0.25)),
    ] {
        let options =
            resolve(&Otlp::default(), &[("OTEL_TRACES_SAMPLER", name), ("OTEL_TRACES_SAMPLER_ARG", "0.25")]);
        assert_eq!((options.sampler, options.warnings.len()), (sampler, 0), "{name}");
    }
}

#[test]
fn an_unusable_variable_is_named_and_ignored() {
    let general = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:4318");
    for (name, value) in [
        ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "novalue"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a b=c"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
    ] {
        let options = resolve(&Otlp::default(), &[general, (name, value)]);
        assert!(options.export.is_some(), "{name}={value}");
        assert_eq!(options.warnings.len(), 1, "{name}={value}");
        assert!(options.warnings[0].starts_with(name), "{:?}", options.warnings);
    }
    let argument = [("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "2")];
    let options = resolve(&Otlp::default(), &argument);
    assert!(
        options.sampler == Sampler::ratio(1.0) && options.warnings[0].starts_with("OTEL_TRACES_SAMPLER_ARG")
    );
    let options = resolve(&Otlp::default(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", "a:4318")]);
    assert!(options.export.is_none() && options.warnings[0].starts_with("OTEL_EXPORTER_OTLP_ENDPOINT"));
}

#[test]
fn an_unusable_key_is_an_error_that_names_it() {
    let keys = Otlp { endpoint: Some("collector".into()), ..Otlp::default() };
    let error = Options::resolve(&keys, &|_| None).err().unwrap().to_string();
    assert!(error.contains("otlp.endpoint"), "{error}");
    let keys = Otlp {
        endpoint: Some("http://c".into()),
        headers: [("x-a".to_owned(), SecretString::from("s3cret\n"))].into(),
        ..Otlp::default()
    };
    let error = Options::resolve(&keys, &|_| None).err().unwrap().to_string();
    assert!(error.contains("otlp.headers") && !error.contains("s3cret"), "{error}");
}
