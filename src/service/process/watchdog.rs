//! The watchdog of the service manager (`sd_watchdog_enabled(3)`). The service feeds it only after it has
//! answered a request of its own correctly.
//!
//! The requests are a `GET /healthz` and a `GET /{text}` of user agent `uecho-watchdog/VERSION`, at least
//! once per half of `WatchdogSec=`; metrics and, with `log.access = "all"`, the log show them like any
//! others. They need no token, are not turned away at `limits.in_flight`, and have a connection of their own
//! beyond `limits.connections`. With more than one worker, each of them gets a `GET /{text}` of its own as
//! well: one worker answers a request that comes in by the listener, and the others might hang.

pub(super) mod self_check;
mod visits;

use std::{sync::Arc, time::Duration};

use sd_notify::NotifyState;
use self_check::SelfCheck;
use tokio::try_join;
use uecho_probe::target::Target;
use visits::Visits;

use crate::{
    net::{
        phase::{Phase, PhaseWatch},
        server::Server,
    },
    process::systemd,
    state::App,
};

/// The shortest pause between two checks; the server does not measure idleness more finely.
const LEAST_PAUSE: Duration = Duration::from_millis(50);

/// How long the service manager waits for a message, if it watches this process.
#[must_use]
pub(super) fn timeout() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|timeout| !timeout.is_zero())
}

/// Feeds the watchdog until the listener closes; from then on the manager counts the time to stop instead.
pub(super) async fn run(
    app: Arc<App>,
    targets: Vec<Target>,
    server: Arc<Server>,
    timeout: Duration,
    mut phase: PhaseWatch,
) {
    let feeding = feed(&app, &targets, server, timeout);
    tokio::select! {
        () = feeding => {}
        _ = phase.wait_for(|phase| *phase >= Phase::Draining) => {}
    }
}

/// Feeds the watchdog after each good check; never ends.
async fn feed(app: &Arc<App>, targets: &[Target], server: Arc<Server>, timeout: Duration) {
    let half = timeout / 2;
    let pause = pause(half, app.settings.limits.idle.0);
    // after two requests that failed, there is still time for another check
    let [limit, retry] = [half / 3, half / 10];
    let checks = SelfCheck::new(app.clone(), targets, limit)
        .and_then(|check| Ok((check, Visits::new(app.clone(), server, limit)?)));
    let (mut check, mut visits) = match checks {
        Ok(checks) => checks,
        Err(fault) => {
            tracing::error!("the watchdog cannot be fed: {fault}");
            return std::future::pending().await;
        }
    };
    loop {
        match try_join!(check.check(), visits.check()) {
            Ok(_) => {
                systemd::notify(&[NotifyState::Watchdog]);
                tokio::time::sleep(pause).await;
            }
            Err(fault) => {
                tracing::error!("self-check failed, the watchdog is not fed: {fault}");
                tokio::time::sleep(retry).await;
            }
        }
    }
}

/// The pause between two checks. A kept connection must not be closed as idle before the next one.
fn pause(half: Duration, idle: Duration) -> Duration {
    half.min(idle / 2).max(LEAST_PAUSE.min(half))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_half_of_the_shorter_time_but_not_too_short() {
        for (half, idle, expected) in
            [(15_000, 30_000, 15_000), (15_000, 20_000, 10_000), (15_000, 20, 50), (30, 20, 30)]
        {
            let [half, idle, expected] = [half, idle, expected].map(Duration::from_millis);
            assert_eq!(pause(half, idle), expected, "{half:?} {idle:?}");
        }
    }
}
