//! The one check of a running service: whether it is ready, and whether the answers of its public listener
//! read exactly as they must. `uecho probe`, the watchdog of the service and the guard of the machine all use
//! it.
//!
//! The expectations are written a second time here on purpose: shared code could hide an error in the
//! escaping or the headers of the service.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::{
    challenge::Challenge,
    client::{Client, ClientConnection},
    receipt::Receipt,
    target::Target,
    unhealthy::{Fault, Step, Unhealthy},
    verify,
};

/// The time for one whole check, unless the caller sets another.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// What the receipt of every answer must say; `None` accepts anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expect {
    /// Version of the build.
    pub version: Option<String>,
    /// Source revision of the build.
    pub revision: Option<String>,
    /// System generation or image version.
    pub system: Option<String>,
}

/// A check that can be made any number of times.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The service to ask.
    pub target: Target,
    /// The build and system that must answer.
    pub expect: Expect,
    /// The time limit of one whole check.
    pub timeout: Duration,
}

/// A healthy service.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The service that was asked.
    pub target: String,
    /// The receipt of the service that answered.
    pub receipt: Receipt,
    /// The text that came back.
    pub text: String,
    /// Duration of the whole check.
    pub seconds: f64,
    /// The duration of each step, including connecting, in order.
    pub steps: Vec<StepTime>,
}

/// How long a step took.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct StepTime {
    /// The step.
    pub step: Step,
    /// Its duration, including connecting.
    pub seconds: f64,
}

impl Probe {
    /// A probe without expectations beyond health, bounded by [`TIMEOUT`].
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self { target, expect: Expect::default(), timeout: TIMEOUT }
    }

    /// Makes one check: `/readyz`, then a random text with markup as a page and as JSON. Each step has a
    /// connection of its own, so that a restart of the service between two steps is not an error.
    ///
    /// # Errors
    /// The service is not healthy, or not the expected one; see [`Unhealthy`].
    pub async fn check(&self) -> Result<Report, Unhealthy> {
        let begin = Instant::now();
        let mut step = Step::Readyz;
        match tokio::time::timeout(self.timeout, self.steps(&mut step)).await {
            Ok(result) => result.map(|(receipt, text, steps)| Report {
                target: self.target.to_string(),
                receipt,
                text,
                seconds: begin.elapsed().as_secs_f64(),
                steps,
            }),
            Err(_) => Err(Unhealthy::new(step, Fault::Timeout { seconds: self.timeout.as_secs_f64() })),
        }
    }

    async fn steps(&self, current: &mut Step) -> Result<(Receipt, String, Vec<StepTime>), Unhealthy> {
        let challenge = Challenge::random();
        let client = Client::new(&self.target).map_err(|fault| Unhealthy::new(*current, fault))?;
        let client = Arc::new(client);
        let mut answered = None;
        let mut times = Vec::new();
        for step in Step::ALL {
            *current = step;
            let begin = Instant::now();
            let receipt =
                self.step(&client, step, &challenge).await.map_err(|fault| Unhealthy::new(step, fault))?;
            times.push(StepTime { step, seconds: begin.elapsed().as_secs_f64() });
            answered = Some(receipt);
        }
        let receipt = answered.ok_or_else(|| Unhealthy::new(*current, Fault::wrong("nothing was asked")))?;
        Ok((receipt, challenge.text, times))
    }

    async fn step(&self, client: &Arc<Client>, step: Step, challenge: &Challenge) -> Result<Receipt, Fault> {
        let mut connection = client.open().await?;
        let receipt = ask(&mut connection, step, challenge).await?;
        self.expect.check(&receipt)?;
        Ok(receipt)
    }
}

/// Takes one step over an open connection.
///
/// # Errors
/// There was no answer, or a wrong one.
pub async fn ask(
    connection: &mut ClientConnection,
    step: Step,
    challenge: &Challenge,
) -> Result<Receipt, Fault> {
    let (path, accept) = match step {
        Step::Readyz => ("/readyz", "application/json"),
        Step::Page => (challenge.path.as_str(), "text/html"),
        Step::Json => (challenge.path.as_str(), "application/json"),
    };
    verify::answer(&connection.get(path, accept).await?, step, challenge)
}

impl Expect {
    /// Compares a receipt.
    ///
    /// # Errors
    /// Another build or system answered.
    pub fn check(&self, receipt: &Receipt) -> Result<(), Fault> {
        let pairs = [
            ("version", &self.version, &receipt.version),
            ("revision", &self.revision, &receipt.revision),
            ("system", &self.system, &receipt.system),
        ];
        for (key, expected, actual) in pairs {
            if let Some(expected) = expected.as_ref().filter(|expected| *expected != actual) {
                return Err(Fault::Unexpected { key, expected: expected.clone(), actual: actual.clone() });
            }
        }
        Ok(())
    }
}
