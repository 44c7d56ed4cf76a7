//! The soak: a version is healthy if it stays healthy for some time.

use std::time::Duration;

use crate::{
    guard::Guard,
    store::disk::Disk,
    system::{Outlook, System, SystemError},
    version::Version,
};

/// A version is bad after this many checks that fail after a good one, or that get a wrong answer at any
/// time. One failure may be a busy moment, two are not.
const MISSES: u32 = 2;
/// How long the guard waits for a switch to end; after that it judges the version all the same.
const SWITCH_LIMIT: Duration = Duration::from_mins(10);

/// Result of a soak.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Soak {
    /// Healthy from the first good check to the last.
    Healthy {
        /// Duration.
        seconds: f64,
    },
    /// Failed.
    Unhealthy {
        /// The last failure.
        reason: String,
        /// Duration.
        seconds: f64,
    },
    /// Meanwhile another version was activated, or the same one again.
    Replaced,
}

impl<S: System, D: Disk> Guard<S, D> {
    /// Waits while a switch is under way; `false` if there was none.
    pub(super) fn let_switch_end(&mut self) -> bool {
        let begin = self.system.elapsed();
        let mut waited = false;
        while self.system.switching() && self.system.elapsed().saturating_sub(begin) < SWITCH_LIMIT {
            self.system.sleep(self.policy.interval);
            waited = true;
        }
        waited
    }

    /// Watches the running version. Checks do not count while a switch is under way. After the switch, the
    /// version has the grace period to become healthy, and must then stay healthy.
    pub(super) fn soak(&mut self, version: &Version, soak: Duration) -> Result<Soak, SystemError> {
        let begin = self.system.elapsed();
        let activation = self.system.activation()?;
        if self.system.running()? != *version {
            return Ok(Soak::Replaced);
        }
        self.let_switch_end();
        let mut settled = self.system.elapsed();
        let mut good_since = None;
        let mut misses = 0;
        loop {
            if self.system.activation()? != activation {
                return Ok(Soak::Replaced);
            }
            let health = self.system.health(version);
            // a failure during the next switch says nothing about this version
            if health.is_err() && self.let_switch_end() {
                settled = self.system.elapsed();
                continue;
            }
            let now = self.system.elapsed();
            let seconds = now.saturating_sub(begin).as_secs_f64();
            match (health, good_since) {
                (Ok(()), since) => {
                    let since = *good_since.get_or_insert(since.unwrap_or(now));
                    if now.saturating_sub(since) >= soak && self.system.activation()? == activation {
                        self.judged = Some(activation);
                        return Ok(Soak::Healthy { seconds });
                    }
                }
                (Err(_), _) if self.system.activation()? != activation => return Ok(Soak::Replaced),
                (Err(illness), since) => {
                    misses += u32::from(since.is_some() || illness.outlook == Outlook::Wrong);
                    let too_late = since.is_none() && now.saturating_sub(settled) >= self.policy.grace;
                    if illness.outlook == Outlook::Hopeless || misses >= MISSES || too_late {
                        self.judged = Some(activation);
                        let reason = format!("{}: {}", illness.check, illness.reason);
                        return Ok(Soak::Unhealthy { reason, seconds });
                    }
                }
            }
            self.system.sleep(self.policy.interval);
        }
    }
}
