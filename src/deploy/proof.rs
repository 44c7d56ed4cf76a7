//! Whether the machine serves, as seen from here through its public port.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use uecho_probe::{
    check::{Expect, Probe, TIMEOUT},
    target::Target,
    unhealthy::Unhealthy,
};

use crate::{address::Destination, error::Error, say::say};

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
    /// The proof at this address, or at port 8080 of the host.
    ///
    /// # Errors
    /// The host is no host of a URL.
    pub(crate) fn of(url: Option<&Target>, host: &Destination, wait: Duration) -> Result<Self, Error> {
        let default = || format!("http://{}:8080", host.host()).parse();
        let target = url.cloned().map_or_else(default, Ok);
        let target = target.map_err(|error: String| {
            Error::Usage(format!("{error}; where {host} serves has to be said with a URL"))
        })?;
        Ok(Self { target, wait })
    }

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
    let mut pauses = interval(PAUSE);
    pauses.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for _ in 0..CHECKS {
        pauses.tick().await;
        probe.check().await?;
    }
    Ok(())
}
