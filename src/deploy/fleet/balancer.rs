//! The load balancer, asked over HTTP: its exporter, and the service behind it as clients reach it.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, timeout};
use uecho_probe::{
    challenge::Challenge,
    check::{self, Probe, TIMEOUT},
    client::Client,
    receipt::Receipt,
    unhealthy::{Fault, Step},
};

use super::{
    bake::{self, Seen},
    exporter::Reading,
    file::{Balancer, Node},
};

/// Only what is read: all that `HAProxy` exports of a large fleet is too much.
const METRICS: &str = "/metrics?metrics=haproxy_server_status,haproxy_backend_http_responses_total";
const TOO_LATE: Fault = Fault::Timeout { seconds: TIMEOUT.as_secs_f64() };
/// The pause between two questions.
const PAUSE: Duration = Duration::from_millis(200);

impl Balancer {
    /// Reads the exporter.
    ///
    /// # Errors
    /// It does not answer.
    pub(crate) async fn reading(&self) -> Result<Reading, String> {
        let problem = |fault: &dyn std::fmt::Display| format!("{}/metrics: {fault}", self.ops);
        let asked = async {
            let mut connection = Arc::new(Client::new(&self.ops)?).open().await?;
            connection.get(METRICS, "text/plain").await
        };
        let answer = timeout(TIMEOUT, asked).await.unwrap_or(Err(TOO_LATE));
        let answer = answer.map_err(|fault| problem(&fault))?;
        if !answer.status().is_success() {
            return Err(problem(&format!("status {}", answer.status().as_u16())));
        }
        Ok(Reading::parse(&String::from_utf8_lossy(answer.body()), &self.backend))
    }

    /// Whether the balancer sends requests to all of these.
    ///
    /// # Errors
    /// Which it does not, or why it cannot be told.
    pub(crate) async fn up(&self, names: impl IntoIterator<Item = &str>) -> Result<(), String> {
        let down = self.reading().await?.not_up(names);
        if down.is_empty() { Ok(()) } else { Err(down.join(", ")) }
    }

    /// Waits until the balancer has the node `UP`, and a client has got an answer from it, through the
    /// balancer, that names this system.
    ///
    /// # Errors
    /// What was last seen instead.
    pub(crate) async fn shows(&self, node: &Node, system: &str, wait: Duration) -> Result<(), String> {
        let end = Instant::now() + wait;
        loop {
            let seen = self.look(node, system).await;
            if seen.is_ok() || Instant::now() >= end {
                return seen;
            }
            sleep(PAUSE).await;
        }
    }

    async fn look(&self, node: &Node, system: &str) -> Result<(), String> {
        self.up([node.name.as_str()]).await?;
        let receipt = self.receipt().await.map_err(|fault| format!("{}: {fault}", self.url))?;
        if receipt.instance != node.name {
            return Err(format!("{} gives no answer from {}", self.url, node.name));
        }
        if receipt.system != system {
            let other = receipt.system;
            return Err(format!("{} answers from {} as `{other}`, expected `{system}`", self.url, node.name));
        }
        Ok(())
    }

    /// The receipt of whichever node answers a client. This is one request: a whole check makes three, so if
    /// three nodes take turns, its last answer is always that of the same node.
    async fn receipt(&self) -> Result<Receipt, Fault> {
        let asked = async {
            let mut connection = Arc::new(Client::new(&self.url)?).open().await?;
            check::ask(&mut connection, Step::Json, &Challenge::random()).await
        };
        timeout(TIMEOUT, asked).await.unwrap_or(Err(TOO_LATE))
    }

    /// Watches the fleet for a while as a client.
    ///
    /// # Errors
    /// A client got a wrong answer or none, or the balancer cannot be read.
    pub(crate) async fn watch(&self, span: Duration) -> Result<Seen, String> {
        let before = self.reading().await?;
        let probe = Probe::new(self.url.clone());
        let end = Instant::now() + span;
        let mut times = Vec::new();
        while Instant::now() < end {
            let report = probe.check().await.map_err(|unhealthy| format!("{}: {unhealthy}", self.url))?;
            times.extend(report.steps.iter().map(|step| Duration::from_secs_f64(step.seconds)));
            sleep(PAUSE).await;
        }
        bake::compare(&before, &self.reading().await?, &mut times)
    }
}
