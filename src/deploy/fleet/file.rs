//! The fleet, as a JSON file says it: the balancer, and the nodes in the order in which they are updated.

use std::{collections::BTreeSet, fs, path::Path, str::FromStr};

use serde::{Deserialize, Deserializer, de};
use uecho_probe::target::Target;

use crate::{address::Destination, error::Error, flake::Flake};

/// A fleet.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fleet {
    /// What the clients reach.
    pub balancer: Balancer,
    /// The nodes behind it.
    pub nodes: Vec<Node>,
}

/// The load balancer, `HAProxy`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Balancer {
    /// Its machine, over ssh: there, a rollout keeps another one out.
    #[serde(deserialize_with = "parsed")]
    pub host: Destination,
    /// Where clients reach the service.
    #[serde(deserialize_with = "parsed")]
    pub url: Target,
    /// Where it has its Prometheus exporter, without `/metrics`.
    #[serde(deserialize_with = "parsed")]
    pub ops: Target,
    /// The name of the backend that has the nodes as servers.
    #[serde(default = "nodes")]
    pub backend: String,
}

/// A node.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Node {
    /// Its name: as a server of the balancer, and as `instance` in its receipts.
    pub name: String,
    /// Its machine, over ssh.
    #[serde(deserialize_with = "parsed")]
    pub host: Destination,
    /// What to deploy to it, if that is not the same for all nodes.
    #[serde(default, deserialize_with = "perhaps")]
    pub flake: Option<Flake>,
    /// Where it serves itself, if not at port 8080 of its host.
    #[serde(default, deserialize_with = "perhaps")]
    pub url: Option<Target>,
}

fn nodes() -> String {
    "nodes".into()
}

fn parsed<'de, D: Deserializer<'de>, T: FromStr<Err = String>>(deserializer: D) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}

fn perhaps<'de, D: Deserializer<'de>, T: FromStr<Err = String>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    parsed(deserializer).map(Some)
}

impl Fleet {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or does not say a fleet; the text names the file, and the line or the key.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let problem = |problem: String| Error::Usage(format!("{}: {problem}", path.display()));
        let text = fs::read_to_string(path).map_err(|error| problem(error.to_string()))?;
        Self::parse(&text).map_err(problem)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let fleet: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        // one node is no fleet: while it restarts, nobody serves
        if fleet.nodes.len() < 2 {
            return Err("nodes: expected two or more".into());
        }
        let mut names = BTreeSet::new();
        match fleet.nodes.iter().find(|node| !names.insert(&node.name)) {
            Some(node) => Err(format!("nodes: `{}` is there twice; each needs a name of its own", node.name)),
            None => Ok(fleet),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BALANCER: &str = r#"{"host": "lb", "url": "http://lb", "ops": "http://lb:8404"}"#;

    fn fleet(nodes: &str) -> Result<Fleet, String> {
        Fleet::parse(&format!(r#"{{"balancer": {BALANCER}, "nodes": [{nodes}]}}"#))
    }

    #[test]
    fn a_fleet_has_a_balancer_and_nodes() {
        let first = r#"{"name": "n1", "host": "::1"}"#;
        let second = r#"{"name": "n2", "host": "a@b", "flake": ".#b", "url": "http://b:1"}"#;
        let fleet = fleet(&format!("{first}, {second}")).unwrap();
        assert_eq!(fleet.balancer.backend, "nodes");
        assert_eq!(fleet.nodes[0].host.as_root().to_string(), "root@::1");
        assert_eq!((&fleet.nodes[0].flake, &fleet.nodes[0].url), (&None, &None));
        assert_eq!(fleet.nodes[1].flake.as_ref().unwrap().to_string(), ".#b");
        assert_eq!(fleet.nodes[1].url.as_ref().unwrap().to_string(), "http://b:1");
    }

    #[test]
    fn an_error_names_what_is_wrong() {
        let node = r#"{"name": "n1", "host": "a"}"#;
        for (nodes, words) in [
            (node.to_owned(), "two or more"),
            (format!("{node}, {node}"), "`n1` is there twice"),
            (format!(r#"{node}, {{"name": "n2"}}"#), "missing field `host`"),
            (format!(r#"{node}, {{"name": "n2", "host": ""}}"#), "names no host"),
            (format!(r#"{node}, {{"name": "n2", "host": "b", "ur": "x"}}"#), "unknown field `ur`"),
            (format!(r#"{node}, {{"name": "n2", "host": "b", "url": "b:1"}}"#), "scheme"),
            (format!(r#"{node}, {{"name": "n2", "host": "b", "flake": "b"}}"#), "names no system"),
        ] {
            let error = fleet(&nodes).unwrap_err();
            assert!(error.contains(words), "{nodes}: {error}");
        }
        let error = Fleet::read(Path::new("/nonexistent/fleet.json")).unwrap_err().to_string();
        assert!(error.starts_with("/nonexistent/fleet.json: "), "{error}");
    }
}
