//! The ledger as Prometheus text.

use prometheus::{CounterVec, Encoder, GaugeVec, Opts, Registry, TextEncoder};

use super::{
    ledger::Ledger,
    version::{State, Version},
};

/// Every metric of the guard in the text format, version 0.0.4.
#[must_use]
pub fn render(ledger: &Ledger, running: Option<&Version>) -> String {
    let registry = Registry::new();
    let gauge = |name: &str, help: &str, labels: &[&str]| {
        let gauge = GaugeVec::new(Opts::new(name, help), labels).ok()?;
        registry.register(Box::new(gauge.clone())).ok()?;
        Some(gauge)
    };
    let counter = |name: &str, help: &str, labels: &[&str]| {
        let counter = CounterVec::new(Opts::new(name, help), labels).ok()?;
        registry.register(Box::new(counter.clone())).ok()?;
        Some(counter)
    };
    let count = |counter: &Option<CounterVec>, labels: &[&str], value: f64| {
        if let Some(counter) = counter {
            counter.with_label_values(labels).inc_by(value);
        }
    };
    let set = |gauge: &Option<GaugeVec>, labels: &[&str], value: f64| {
        if let Some(gauge) = gauge {
            gauge.with_label_values(labels).set(value);
        }
    };
    #[expect(clippy::cast_precision_loss, reason = "counts and times stay far below 2^52")]
    let number = |value: u64| value as f64;

    let info = gauge(
        "uecho_guard_running_info",
        "Always 1; labels tell which version runs and where it stands",
        &["version", "state"],
    );
    if let Some(running) = running {
        let state = ledger.state(running).map_or("unknown", State::as_str);
        set(&info, &[&running.to_string(), state], 1.0);
    }
    let last_good =
        gauge("uecho_guard_last_good_info", "Always 1; the label tells where a rollback goes", &["version"]);
    if let Some(version) = &ledger.last_good {
        set(&last_good, &[&version.to_string()], 1.0);
    }
    let versions = gauge("uecho_guard_versions", "Versions known, by state", &["state"]);
    for state in [State::Staged, State::Trial, State::Blessed, State::Quarantined] {
        let known = ledger.versions.values().filter(|entry| entry.state == state).count();
        set(&versions, &[state.as_str()], number(known as u64));
    }
    let quarantined = gauge(
        "uecho_guard_quarantined_timestamp_seconds",
        "When a quarantined version was found bad",
        &["version"],
    );
    let refusals = counter(
        "uecho_guard_refusals_total",
        "How often a quarantined version was offered again",
        &["version"],
    );
    let healthy = gauge(
        "uecho_guard_last_verdict_healthy",
        "1 if the last verdict on a version was good",
        &["version"],
    );
    let at = gauge(
        "uecho_guard_last_verdict_timestamp_seconds",
        "When the last verdict on a version came",
        &["version"],
    );
    let seconds = gauge("uecho_guard_last_verdict_duration_seconds", "How long the trial took", &["version"]);
    for (version, entry) in &ledger.versions {
        let version = version.to_string();
        if let Some(verdict) = &entry.last_verdict {
            set(&healthy, &[&version], f64::from(u8::from(verdict.healthy)));
            set(&at, &[&version], number(verdict.at.0));
            set(&seconds, &[&version], verdict.seconds);
        }
        if entry.state == State::Quarantined {
            let since = entry.last_verdict.as_ref().map_or(entry.first_seen, |verdict| verdict.at);
            set(&quarantined, &[&version], number(since.0));
            count(&refusals, &[&version], f64::from(entry.refusals));
        }
    }
    for (name, help, value) in [
        (
            "uecho_guard_rollback_in_progress",
            "1 while a rollback has begun and not ended",
            u64::from(ledger.intent.is_some()),
        ),
        ("uecho_guard_armed", "1 while a version is set for one boot", u64::from(ledger.armed.is_some())),
        ("uecho_guard_reboots", "Reboots by the guard since the last healthy verdict", ledger.reboots.into()),
    ] {
        set(&gauge(name, help, &[]), &[], number(value));
    }
    for (name, help, value) in [
        (
            "uecho_guard_rollbacks_total",
            "Rollbacks that ended with the old version proven healthy",
            ledger.rollbacks,
        ),
        (
            "uecho_guard_overrides_total",
            "Decisions of humans against the guard's",
            ledger.overrides.len() as u64,
        ),
    ] {
        count(&counter(name, help, &[]), &[], number(value));
    }
    let mut text = Vec::new();
    match TextEncoder::new().encode(&registry.gather(), &mut text) {
        Ok(()) => String::from_utf8_lossy(&text).into_owned(),
        Err(error) => format!("# {error}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::version::Timestamp;

    #[test]
    fn states_and_what_runs_are_told() {
        let mut ledger = Ledger::default();
        let (a, b) = (Version::new("/nix/store/a"), Version::new("/nix/store/b"));
        ledger.bless(&a, Timestamp(5));
        ledger.quarantine(&b, Timestamp(7));
        let text = render(&ledger, Some(&a));
        for line in [
            "uecho_guard_running_info{state=\"blessed\",version=\"/nix/store/a\"} 1",
            "uecho_guard_last_good_info{version=\"/nix/store/a\"} 1",
            "uecho_guard_versions{state=\"quarantined\"} 1",
            "uecho_guard_quarantined_timestamp_seconds{version=\"/nix/store/b\"} 7",
            "uecho_guard_rollback_in_progress 0",
            "uecho_guard_refusals_total{version=\"/nix/store/b\"} 0",
            "# TYPE uecho_guard_overrides_total counter",
            "# TYPE uecho_guard_refusals_total counter",
            "# TYPE uecho_guard_rollbacks_total counter",
        ] {
            assert!(text.lines().any(|other| other == line), "{line} is missing from\n{text}");
        }
    }
}
