//! The environment as a source: `UECHO_MESSAGE`, `UECHO_LIMITS__HEADERS`, and so on.

use crate::config::{
    assignment::{Assignment, Source},
    invalid::Invalid,
    service_links,
    surroundings::Surroundings,
    text,
};

const PREFIX: &str = "UECHO_";

/// Names with our prefix that are not settings: the file to read, and the revision of a build.
const NOT_KEYS: [&str; 2] = ["UECHO_CONFIG", "UECHO_REVISION"];

/// Reads all variables that begin with `UECHO_`.
pub(super) fn read(
    surroundings: &Surroundings,
    warnings: &mut Vec<String>,
    invalid: &mut Vec<Invalid>,
) -> Vec<Assignment> {
    let (mut assignments, mut links) = (Vec::new(), Vec::new());
    for (name, value) in &surroundings.variables {
        let Some(name) = name.to_str().filter(|name| !NOT_KEYS.contains(name)) else { continue };
        let Some(key) = name.strip_prefix(PREFIX) else { continue };
        if value.to_str().is_some_and(|value| service_links::is_one(name, value)) {
            links.push(name);
            continue;
        }
        let path = key.to_ascii_lowercase().split("__").map(str::to_owned).collect::<Vec<_>>();
        let source = Source::Variable(name.into());
        match value.to_str() {
            Some(value) => assignments.extend(text::assignments(path, value, source)),
            None => invalid.push(Invalid::of(path.join("."), "not valid UTF-8").given_by(source)),
        }
    }
    if !links.is_empty() {
        warnings.push(format!(
            "ignored, because Kubernetes sets them for a Service and they are not settings: {}; \
             `enableServiceLinks: false` in the pod's specification keeps them out",
            links.join(", ")
        ));
    }
    warnings.extend(assignments.iter().filter(|given| given.holds_secret()).map(|given| {
        let key = given.key();
        format!(
            "{key}: the secret is in the environment ({}), which child processes inherit and `systemctl \
             show` prints; hand it over as the systemd credential `{key}`",
            given.source
        )
    }));
    assignments
}
