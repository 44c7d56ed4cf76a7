//! Checks whether enough peers are up for `/readyz`, by `fanout.ready_policy`: `GET /healthz` at each peer's
//! origin, over a connection of its own, so that a check never waits for fan-outs. It asks nobody while the
//! policy needs no peers.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::future::join_all;

use crate::{
    fanout::peers::Peers,
    state::{App, readiness::Reason},
};

/// Time from one round to the next, before jitter.
const INTERVAL: Duration = Duration::from_secs(2);
/// Time for one check.
const LIMIT: Duration = Duration::from_secs(1);
/// A peer that was up is down after this many failed checks in a row: one lost packet must not take a node
/// out of service.
const FAILURES: u32 = 2;

/// Sets and clears [`Reason::PeersDown`] for as long as the process lives. Until the first round is over, a
/// policy that needs peers counts as not met.
pub(super) async fn run(app: Arc<App>) {
    let (mut failed, mut was) = (BTreeMap::new(), None);
    loop {
        let peers = app.live.load().peers.clone();
        let needed = peers.settings.ready_policy.needed(peers.list.len());
        if needed == 0 {
            app.readiness.set(Reason::PeersDown, false);
            (failed, was) = (BTreeMap::new(), None);
            app.live_changed.notified().await;
            continue;
        }
        if failed.is_empty() {
            app.readiness.set(Reason::PeersDown, true);
        }
        failed = round(&peers, &failed).await;
        let up = failed.values().filter(|failures| !is_down(**failures)).count();
        let down = up < needed;
        if was.replace(down) != Some(down) {
            tracing::info!(
                peers.up = up,
                peers.needed = needed,
                "peers {}",
                if down { "down" } else { "up" }
            );
        }
        app.readiness.set(Reason::PeersDown, down);
        let jitter = INTERVAL.mul_f64(0.75 + fastrand::f64() / 2.0);
        // a reload ends the pause
        let _ = tokio::time::timeout(jitter, app.live_changed.notified()).await;
    }
}

/// Checks all peers at once; gives the number of failures in a row of each peer, by name.
async fn round(peers: &Peers, before: &BTreeMap<Arc<str>, u32>) -> BTreeMap<Arc<str>, u32> {
    let checks = peers.list.iter().map(|peer| async move {
        (peer.name.clone(), failures(before.get(&peer.name).copied(), peer.is_up(LIMIT).await))
    });
    join_all(checks).await.into_iter().collect()
}

/// The number of failures in a row after one more check. A peer that was never up is down at its first
/// failure.
fn failures(before: Option<u32>, up: bool) -> u32 {
    if up { 0 } else { before.map_or(FAILURES, |failures| failures.saturating_add(1)) }
}

fn is_down(failures: u32) -> bool {
    failures >= FAILURES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_was_up_is_down_after_two_failures_in_a_row() {
        let mut before = None;
        for (up, down) in [
            (false, true),
            (false, true),
            (true, false),
            (false, false),
            (true, false),
            (false, false),
            (false, true),
            (false, true),
            (true, false),
        ] {
            let after = failures(before, up);
            assert_eq!(is_down(after), down, "{before:?} {up}");
            before = Some(after);
        }
    }
}
