//! The ledger as Prometheus text.

use prometheus::{CounterVec, Encoder, GaugeVec, Opts, Registry, TextEncoder};
use uecho_probe::{
    look::{self, Outcome},
    timestamp::Timestamp,
};

use crate::{
    ledger::{History, Ledger, Look, Verdict},
    version::{Assessment, Version},
};

/// Every metric of the guard in the text format, version 0.0.4.
#[must_use]
pub(crate) fn render(ledger: &Ledger, running: Option<&Version>) -> String {
    let page = Page::default();
    machine(&page, ledger, running);
    each_version(&page, ledger);
    if let Some(last) = &ledger.look {
        look_for_newer(&page, last);
    }
    page.text()
}

/// The last look for a newer image, by the names that `uecho-pull` has for its own.
fn look_for_newer(page: &Page, last: &Look) {
    let states = Outcome::ALL
        .map(|state| ([state.as_str().to_owned()], f64::from(u8::from(state.as_str() == last.state))));
    page.gauge(look::STATE.0, look::STATE.1, &["state"], states);
    let last_success = seconds(last.last_success.unwrap_or_default());
    page.gauge(look::LAST_SUCCESS.0, look::LAST_SUCCESS.1, &[], [([], last_success)]);
    page.gauge(
        "uecho_pull_version_info",
        "Always 1; the label tells which version the last look found, or else what runs",
        &["version"],
        [([last.version.to_string()], 1.0)],
    );
}

fn machine(page: &Page, ledger: &Ledger, running: Option<&Version>) {
    page.gauge(
        "uecho_guard_running_info",
        "Always 1; labels tell which version runs and where it stands",
        &["version", "state"],
        running.map(|version| {
            let state = ledger.state(version).map_or("unknown", Assessment::as_str);
            ([version.to_string(), state.into()], 1.0)
        }),
    );
    page.gauge(
        "uecho_guard_last_good_info",
        "Always 1; the label tells where a rollback goes",
        &["version"],
        ledger.last_good.as_ref().map(|version| ([version.to_string()], 1.0)),
    );
    let states =
        [Assessment::Staged, Assessment::Trial, Assessment::Blessed, Assessment::Quarantined].map(|state| {
            let known = ledger.versions.values().filter(|entry| entry.state == state).count();
            ([state.as_str().to_owned()], number(known as u64))
        });
    page.gauge("uecho_guard_versions", "Versions known, by state", &["state"], states);
    let now = |name, help, value: u64| page.gauge(name, help, &[], [([], number(value))]);
    let under_way = ledger.intent.is_some().into();
    now("uecho_guard_rollback_in_progress", "1 while a rollback has begun and not ended", under_way);
    now("uecho_guard_armed", "1 while a version is set for one boot", ledger.armed.is_some().into());
    now("uecho_guard_reboots", "Reboots by the guard since the last healthy verdict", ledger.reboots.into());
    let total = |name, help, value: u64| page.counter(name, help, &[], [([], number(value))]);
    let overrides = ledger.overrides.len() as u64;
    total(
        "uecho_guard_rollbacks_total",
        "Rollbacks that ended with the old version proven healthy",
        ledger.rollbacks,
    );
    total("uecho_guard_overrides_total", "Decisions of humans against the guard's", overrides);
}

fn each_version(page: &Page, ledger: &Ledger) {
    let verdicts = |value: fn(&Verdict) -> f64| {
        let entries = ledger.versions.iter();
        entries.filter_map(move |(version, entry)| {
            Some(([version.to_string()], value(entry.last_verdict.as_ref()?)))
        })
    };
    page.gauge(
        "uecho_guard_last_verdict_healthy",
        "1 if the last verdict on a version was good",
        &["version"],
        verdicts(|verdict| f64::from(u8::from(verdict.healthy))),
    );
    page.gauge(
        "uecho_guard_last_verdict_timestamp_seconds",
        "When the last verdict on a version came",
        &["version"],
        verdicts(|verdict| seconds(verdict.at)),
    );
    page.gauge(
        "uecho_guard_last_verdict_duration_seconds",
        "How long the trial took",
        &["version"],
        verdicts(|verdict| verdict.seconds),
    );
    let quarantined = |value: fn(&History) -> f64| {
        let entries = ledger.versions.iter().filter(|(_, entry)| entry.state == Assessment::Quarantined);
        entries.map(move |(version, entry)| ([version.to_string()], value(entry)))
    };
    page.gauge(
        "uecho_guard_quarantined_timestamp_seconds",
        "When a quarantined version was found bad",
        &["version"],
        quarantined(|entry| {
            seconds(entry.last_verdict.as_ref().map_or(entry.first_seen, |verdict| verdict.at))
        }),
    );
    page.counter(
        "uecho_guard_refusals_total",
        "How often a quarantined version was offered again",
        &["version"],
        quarantined(|entry| f64::from(entry.refusals)),
    );
}

#[expect(clippy::cast_precision_loss, reason = "counts and times stay far below 2^52")]
fn number(value: u64) -> f64 {
    value as f64
}

fn seconds(time: Timestamp) -> f64 {
    number(time.0)
}

/// Families of series: values of the labels, and the value.
#[derive(Default)]
struct Page(Registry);

impl Page {
    fn gauge<const N: usize>(
        &self,
        name: &str,
        help: &str,
        labels: &[&str; N],
        series: impl IntoIterator<Item = ([String; N], f64)>,
    ) {
        let Ok(family) = GaugeVec::new(Opts::new(name, help), labels) else { return };
        for (labels, value) in series {
            family.with_label_values(&labels).set(value);
        }
        // the names are all different
        let _ = self.0.register(Box::new(family));
    }

    fn counter<const N: usize>(
        &self,
        name: &str,
        help: &str,
        labels: &[&str; N],
        series: impl IntoIterator<Item = ([String; N], f64)>,
    ) {
        let Ok(family) = CounterVec::new(Opts::new(name, help), labels) else { return };
        for (labels, value) in series {
            family.with_label_values(&labels).inc_by(value);
        }
        let _ = self.0.register(Box::new(family));
    }

    fn text(&self) -> String {
        let mut text = Vec::new();
        match TextEncoder::new().encode(&self.0.gather(), &mut text) {
            Ok(()) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) => format!("# {error}\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn states_and_what_runs_are_told() {
        let mut ledger = Ledger::default();
        let [a, b, c] = ["a", "b", "c"].map(|name| Version::new(format!("/nix/store/{name}")));
        ledger.bless(&a, Timestamp(5));
        ledger.quarantine(&b, Timestamp(7));
        ledger.quarantine(&c, Timestamp(8));
        assert!(!render(&ledger, Some(&a)).contains("uecho_pull"));
        ledger.looked(Outcome::Switched, &a, Timestamp(9));
        ledger.looked(Outcome::Unreachable, &b, Timestamp(10));
        let text = render(&ledger, Some(&a));
        for line in [
            "uecho_pull_state{state=\"unreachable\"} 1",
            "uecho_pull_state{state=\"switched\"} 0",
            "uecho_pull_last_success_seconds 9",
            "uecho_pull_version_info{version=\"/nix/store/b\"} 1",
            "uecho_guard_running_info{state=\"blessed\",version=\"/nix/store/a\"} 1",
            "uecho_guard_last_good_info{version=\"/nix/store/a\"} 1",
            "uecho_guard_versions{state=\"blessed\"} 1",
            "uecho_guard_versions{state=\"quarantined\"} 2",
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
