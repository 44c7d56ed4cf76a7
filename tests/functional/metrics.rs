//! `/metrics`: names, types, units, and a number of series that no client can increase without limit.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use crate::support::{Uecho, http::ClientConnection, peer::Dead};

/// Every family: name, type, and the label names of its series.
const FAMILIES: [(&str, &str, &[&str]); 21] = [
    ("http_server_active_requests", "gauge", &[]),
    (
        "http_server_request_duration_seconds",
        "histogram",
        &["http_request_method", "http_response_status_code", "http_route"],
    ),
    ("process_cpu_seconds_total", "counter", &[]),
    ("process_max_fds", "gauge", &[]),
    ("process_open_fds", "gauge", &[]),
    ("process_resident_memory_bytes", "gauge", &[]),
    ("process_start_time_seconds", "gauge", &[]),
    ("process_threads", "gauge", &[]),
    ("process_virtual_memory_bytes", "gauge", &[]),
    ("uecho_accept_errors_total", "counter", &[]),
    ("uecho_build_info", "gauge", &["instance", "revision", "system", "version"]),
    ("uecho_connections", "gauge", &[]),
    ("uecho_connections_closed_total", "counter", &["reason"]),
    ("uecho_fanout_duration_seconds", "histogram", &[]),
    ("uecho_fanout_replies_total", "counter", &["outcome"]),
    ("uecho_log_dropped_total", "counter", &[]),
    ("uecho_memory_held_bytes", "gauge", &[]),
    ("uecho_memory_refused_total", "counter", &[]),
    ("uecho_otlp_spans_total", "counter", &["outcome"]),
    ("uecho_ready", "gauge", &[]),
    ("uecho_requests_cut_total", "counter", &[]),
];

/// The parsed text format.
struct Exposition {
    types: BTreeMap<String, String>,
    helps: BTreeSet<String>,
    /// Name, labels, value.
    series: Vec<(String, BTreeMap<String, String>, f64)>,
}

impl Exposition {
    fn of(text: &str) -> Self {
        let mut exposition = Self { types: BTreeMap::new(), helps: BTreeSet::new(), series: Vec::new() };
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').unwrap();
                assert!(help.len() > 8, "{line}");
                exposition.helps.insert(name.into());
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                exposition.types.insert(name.into(), kind.into());
            } else {
                let (name, value) = line.rsplit_once(' ').unwrap();
                let (name, labels) = name.split_once('{').unwrap_or((name, "}"));
                // none of our values contains a comma or a quotation mark
                let labels = labels.strip_suffix('}').unwrap().split(',').filter(|label| !label.is_empty());
                let labels = labels.map(|label| {
                    let (name, value) = label.split_once('=').unwrap();
                    (name.to_owned(), value.trim_matches('"').to_owned())
                });
                exposition.series.push((name.into(), labels.collect(), value.parse().unwrap()));
            }
        }
        exposition
    }

    fn scrape(uecho: &Uecho) -> Self {
        let answer = uecho.get_ops("/metrics");
        assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        Self::of(&answer.text())
    }
}

#[test]
fn every_family_has_its_documented_name_type_and_labels() {
    let uecho = Uecho::with("");
    uecho.get("/x");
    let exposition = Exposition::scrape(&uecho);
    let found: BTreeSet<&str> = exposition.types.keys().map(String::as_str).collect();
    assert_eq!(exposition.helps, exposition.types.keys().cloned().collect());
    for (name, kind, labels) in FAMILIES {
        assert!(found.contains(name), "{name} is missing in {found:?}");
        assert_eq!(exposition.types[name], kind, "{name}");
        let (series, ..) = exposition
            .series
            .iter()
            .map(|(series, labels, _)| {
                (labels.keys().filter(|label| *label != "le").cloned().collect::<Vec<_>>(), series)
            })
            .find(|(_, series)| series.starts_with(name))
            .unwrap_or_else(|| panic!("{name} has no series from the start"));
        assert_eq!(series, labels, "{name}");
    }
    assert_eq!(found.len(), FAMILIES.len(), "{found:?}");
}

#[test]
fn ten_thousand_random_paths_and_methods_make_fewer_than_200_series() {
    let uecho = Uecho::with("");
    let mut random = fastrand::Rng::with_seed(7);
    let mut connection = ClientConnection::open(uecho.public);
    for round in 0..200 {
        let mut batch = String::new();
        let mut methods = Vec::new();
        for _ in 0..50 {
            let text: String = (0..random.usize(1..20)).map(|_| random.alphanumeric()).collect();
            let prefix = ["/", "/api/", "/api/v1/", "/api/v1/fanout/", "/%zz"][random.usize(..5)];
            let method = match random.u8(..4) {
                0 => (0..8).map(|_| random.uppercase()).collect(),
                1 => "POST".to_owned(),
                2 => "HEAD".to_owned(),
                _ => "GET".to_owned(),
            };
            write!(batch, "{method} {prefix}{text} HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
            methods.push(method);
        }
        connection.send(batch.as_bytes());
        for method in methods {
            assert!(connection.answer_to(&method).is_some(), "round {round}");
        }
    }
    let exposition = Exposition::scrape(&uecho);
    // this counts like a client library: a histogram is one series for each set of labels, whatever its
    // buckets
    let series: BTreeSet<_> = exposition
        .series
        .iter()
        .filter(|(name, ..)| !name.ends_with("_bucket") && !name.ends_with("_sum"))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|(name, labels, _)| (name, labels))
        .collect();
    assert!(series.len() < 200, "{} series: {series:#?}", series.len());
    let routes: BTreeSet<_> = series.iter().filter_map(|(_, labels)| labels.get("http_route")).collect();
    assert!(routes.len() <= 9, "{routes:?}");
    let requests: f64 = exposition
        .series
        .iter()
        .filter(|(name, ..)| name == "http_server_request_duration_seconds_count")
        .map(|(.., value)| value)
        .sum();
    assert!(requests >= 10_000.0, "{requests}");
}

#[test]
fn requests_are_counted_and_timed_by_route_and_status() {
    let dead = Dead::new();
    let uecho = Uecho::with(&format!("fanout.peers = [\"{}\"]", dead.url()));
    for _ in 0..3 {
        uecho.get("/x");
    }
    uecho.request("BREW", "/x", &[]);
    uecho.get("/api/v1/fanout/x");
    let count =
        |labels: &str| uecho.count(&format!("http_server_request_duration_seconds_count{{{labels}}}"));
    let of = |method, status, route| {
        count(&format!(
            "http_request_method=\"{method}\",http_response_status_code=\"{status}\",http_route=\"{route}\""
        ))
    };
    assert_eq!(of("GET", 200, "/{text}"), 3);
    assert_eq!(of("_OTHER", 405, "/{text}"), 1);
    assert_eq!(of("GET", 200, "/api/v1/fanout/{*text}"), 1);
    uecho.comes_to("uecho_fanout_replies_total{outcome=\"refused\"}", 1);
    uecho.comes_to("uecho_fanout_duration_seconds_count", 1);
    uecho.comes_to("uecho_ready", 1);
    uecho.comes_to("http_server_active_requests", 0);
}

#[test]
fn the_metrics_show_the_resources_of_the_process() {
    let uecho = Uecho::with("");
    let idle_fds = uecho.metric("process_open_fds");
    let connections: Vec<_> = (0..10)
        .map(|_| {
            let mut connection = ClientConnection::open(uecho.public);
            connection.send(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
            assert!(connection.answer().is_some());
            connection
        })
        .collect();
    uecho.comes_to("uecho_connections", 10);
    assert!(uecho.metric("process_open_fds") >= idle_fds + 10.0);
    drop(connections);
    assert!(uecho.metric("process_resident_memory_bytes") > 1e6);
    let cpu = uecho.metric("process_cpu_seconds_total");
    assert!(cpu > 0.0 && cpu < 60.0 && cpu.fract() > 0.0, "{cpu}");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    let start = uecho.metric("process_start_time_seconds");
    assert!((0.0..120.0).contains(&(now - start)), "{start}");
}
