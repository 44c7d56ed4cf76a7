//! What the Prometheus exporter of `HAProxy` says of one backend: the state of its servers, and what it has
//! answered.

use std::collections::BTreeMap;

const SERVERS: &str = "haproxy_server_status";
const ANSWERS: &str = "haproxy_backend_http_responses_total";

/// One reading of the exporter.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    /// The state of each server: `UP`, `DOWN`, `DRAIN`, ...
    pub servers: BTreeMap<String, String>,
    /// How many answers have been given since `HAProxy` started, by `code` (`2xx`, `5xx`, ...).
    pub answers: BTreeMap<String, f64>,
}

impl Reading {
    /// Reads the text of the exporter.
    #[must_use]
    pub(crate) fn parse(text: &str, backend: &str) -> Self {
        let mut reading = Self::default();
        for (name, labels, value) in text.lines().filter_map(sample) {
            let label = |key| labels.get(key).map(|value| (*value).to_owned());
            if labels.get("proxy") != Some(&backend) {
                continue;
            }
            match (name, label("server"), label("state"), label("code")) {
                (SERVERS, Some(server), Some(state), _) if value > 0.5 => {
                    reading.servers.insert(server, state);
                }
                (ANSWERS, None, _, Some(code)) => {
                    reading.answers.insert(code, value);
                }
                _ => {}
            }
        }
        reading
    }

    /// The servers of these that are not `UP`, each with its state.
    #[must_use]
    pub(crate) fn not_up<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let state = |name: &str| self.servers.get(name).map_or("unknown", String::as_str);
        names
            .into_iter()
            .filter(|name| state(name) != "UP")
            .map(|name| format!("{name} is {}", state(name)))
            .collect()
    }
}

/// Name, labels and value of a line `name{key="value",...} value`. The labels that `HAProxy` writes have no
/// escaped characters: its names have none.
fn sample(line: &str) -> Option<(&str, BTreeMap<&str, &str>, f64)> {
    let (name, rest) = line.split_once('{')?;
    let (labels, value) = rest.split_once("} ")?;
    let labels = labels.split("\",").filter_map(|label| label.split_once("=\""));
    let labels = labels.map(|(key, value)| (key.trim(), value.trim_end_matches('"'))).collect();
    Some((name, labels, value.split_whitespace().next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# HELP haproxy_server_status Current status of the service.
# TYPE haproxy_server_status gauge
haproxy_server_status{proxy="nodes",server="n1",state="DOWN"} 0
haproxy_server_status{proxy="nodes",server="n1",state="UP"} 1
haproxy_server_status{proxy="nodes",server="n2",state="DOWN"} 1
haproxy_server_status{proxy="nodes",server="n2",state="UP"} 0
haproxy_server_status{proxy="other",server="n3",state="UP"} 1
haproxy_backend_http_responses_total{proxy="nodes",code="2xx"} 1200
haproxy_backend_http_responses_total{proxy="nodes",code="5xx"} 3
haproxy_backend_http_responses_total{proxy="other",code="5xx"} 9
haproxy_process_uptime_seconds 5
"#;

    #[test]
    fn states_and_counts_of_one_backend_are_read() {
        let reading = Reading::parse(TEXT, "nodes");
        let servers = [("n1", "UP"), ("n2", "DOWN")].map(|(name, state)| (name.into(), state.into()));
        assert_eq!(reading.servers, BTreeMap::from(servers));
        let answers = [("2xx", 1200.0), ("5xx", 3.0)].map(|(code, count)| (code.into(), count));
        assert_eq!(reading.answers, BTreeMap::from(answers));
        assert_eq!(reading.not_up(["n1"]), Vec::<String>::new());
        assert_eq!(reading.not_up(["n1", "n2", "n3"]), ["n2 is DOWN", "n3 is unknown"]);
    }

    #[test]
    fn a_line_that_is_no_sample_is_left_out() {
        for line in ["", "# x{", "a", "a{b=\"c\"}", "a{b=\"c\"} x", "{", "a{} "] {
            assert!(sample(line).is_none(), "{line}");
        }
    }
}
