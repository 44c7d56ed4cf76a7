//! `uecho probe`: its options, and how it reports a verdict.

use std::{
    io::Write as _,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant, SystemTime},
};

use clap::Args;
use serde::Serialize;
use uecho_probe::{
    check::{Expect, Probe, Report},
    target::Target,
    unhealthy::Unhealthy,
    units::DurationValue,
};

use crate::{cli::textfile::Verdict, process::error::Error};

/// Options of `uecho probe`.
#[derive(Clone, Debug, Args)]
pub struct ProbeArgs {
    /// Service to check: `http://HOST[:PORT]`, `https://HOST[:PORT]` or `unix:/path`. Default: the address
    /// that the configuration makes it listen on.
    #[arg(long, value_name = "URL")]
    pub url: Option<Target>,

    /// Version that the receipt must name.
    #[arg(long, value_name = "V")]
    pub expect_version: Option<String>,

    /// Source revision that the receipt must name.
    #[arg(long, value_name = "R")]
    pub expect_revision: Option<String>,

    /// System that the receipt must name, followed by `+` and its store hash where the service has
    /// `current_system`.
    #[arg(long, value_name = "S")]
    pub expect_system: Option<String>,

    /// How many checks to make; the first unhealthy one ends the run.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub count: u32,

    /// Pause between two checks.
    #[arg(long, value_name = "DURATION", default_value = "1s")]
    pub interval: DurationValue,

    /// Time limit of each whole check.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = timeout)]
    pub timeout: DurationValue,

    /// Print one JSON object a line for each check, on standard output.
    #[arg(long)]
    pub json: bool,

    /// Write each verdict to this file as Prometheus metrics, for the node exporter's textfile collector,
    /// which reads files whose names end with `.prom`.
    #[arg(long, value_name = "FILE")]
    pub textfile: Option<PathBuf>,
}

fn timeout(text: &str) -> Result<DurationValue, String> {
    match text.parse::<DurationValue>()? {
        DurationValue(Duration::ZERO) => Err("a check needs some time; write it like \"5s\"".into()),
        span => Ok(span),
    }
}

/// What `--json` prints for a healthy service.
#[derive(Serialize)]
struct Healthy<'a> {
    healthy: bool,
    #[serde(flatten)]
    report: &'a Report,
}

/// What `--json` prints for any other service.
#[derive(Serialize)]
struct NotHealthy<'a> {
    healthy: bool,
    target: String,
    #[serde(flatten)]
    unhealthy: &'a Unhealthy,
    /// The line that standard error gets.
    reason: String,
}

impl ProbeArgs {
    /// The probe that these options ask for.
    #[must_use]
    pub fn probe(&self, target: Target) -> Probe {
        let expect = Expect {
            version: self.expect_version.clone(),
            revision: self.expect_revision.clone(),
            system: self.expect_system.clone(),
        };
        Probe { target, expect, timeout: self.timeout.0 }
    }

    /// Makes the checks and reports each verdict. Exit code 0 when all were healthy; else 1, with one line on
    /// standard error.
    ///
    /// # Errors
    /// A verdict cannot be written to the file of `--textfile`.
    pub(crate) async fn run(&self, probe: &Probe) -> Result<ExitCode, Error> {
        for round in 0..self.count {
            if round > 0 {
                tokio::time::sleep(self.interval.0).await;
            }
            let begin = Instant::now();
            let verdict = probe.check().await;
            let took = begin.elapsed();
            match &verdict {
                Ok(report) => self.healthy(report),
                Err(unhealthy) => self.unhealthy(probe, unhealthy),
            }
            self.record(probe, verdict.is_ok(), took)?;
            if verdict.is_err() {
                return Ok(ExitCode::FAILURE);
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn record(&self, probe: &Probe, healthy: bool, took: Duration) -> Result<(), Error> {
        let Some(path) = &self.textfile else { return Ok(()) };
        let verdict = Verdict { target: probe.target.to_string(), healthy, took, at: SystemTime::now() };
        verdict.write(path).map_err(|error| Error::Textfile { path: path.clone(), error })
    }

    fn healthy(&self, report: &Report) {
        if self.json {
            return print_json(&Healthy { healthy: true, report });
        }
        let Report { target, receipt, seconds, .. } = report;
        let receipt = receipt.header();
        let receipt = receipt.to_str().unwrap_or_default();
        print(&format!("healthy: {target} in {:.1} ms; {receipt}", seconds * 1e3));
    }

    fn unhealthy(&self, probe: &Probe, unhealthy: &Unhealthy) {
        if self.json {
            print_json(&NotHealthy {
                healthy: false,
                target: probe.target.to_string(),
                unhealthy,
                reason: unhealthy.to_string(),
            });
        }
        // if standard error is closed, nobody reads the verdict
        let _ = writeln!(std::io::stderr(), "unhealthy: {}: {unhealthy}", probe.target);
    }
}

fn print_json(verdict: &impl Serialize) {
    print(&serde_json::to_string(verdict).unwrap_or_default());
}

fn print(line: &str) {
    // if the reader has gone away, the exit code still tells the verdict
    let _ = writeln!(std::io::stdout(), "{line}");
}
