//! Whether the machine serves, as seen from here through its public port.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use uecho_probe::{
    check::{Expect, Probe, TIMEOUT},
    target::Target,
    unhealthy::Unhealthy,
};

use crate::say::say;

/// How many checks in a row must be good.
const CHECKS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);

/// Where the machine serves, and how long a version may take until it does.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    /// The address.
    pub target: Target,
    /// The time.
    pub wait: Duration,
}

impl Proof {
    /// Whether the machine, in time, serves what is expected three times in a row. If not, this says why.
    pub(crate) async fn serves(&self, expect: Expect) -> bool {
        let probe = Probe { target: self.target.clone(), expect, timeout: TIMEOUT };
        let end = Instant::now() + self.wait;
        while let Err(unhealthy) = in_a_row(&probe).await {
            if Instant::now() >= end {
                say(format!("unhealthy: {}: {unhealthy}", self.target));
                return false;
            }
            sleep(PAUSE).await;
        }
        true
    }
}

async fn in_a_row(probe: &Probe) -> Result<(), Unhealthy> {
    for check in 0..CHECKS {
        if check > 0 {
            sleep(PAUSE).await;
        }
        probe.check().await?;
    }
    Ok(())
}
