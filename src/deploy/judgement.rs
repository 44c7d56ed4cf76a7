//! Waits for the verdict of the machine's guard on an activation.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{
    guard::Verdict,
    machine::{Machine, NoAnswer},
};

/// What came of waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    /// There is no guard, or nothing for it to judge.
    NoGuard,
    /// The verdict.
    Verdict(Verdict),
    /// There was none in time; why the guard's last answer could not be read, if that is so.
    TooLate(Option<String>),
}

/// The activations that are not the new one.
#[derive(Clone, Debug)]
pub(crate) struct Earlier {
    /// What ran before the switch.
    pub before: String,
    /// What the guard had judged before the switch; empty if nothing.
    pub known: String,
}

/// Waits for a verdict on an activation that is newer than the switch. A machine that does not answer may be
/// rebooting, so it is asked again.
pub(crate) async fn wait(machine: Machine<'_>, earlier: &Earlier, patience: Duration) -> Judged {
    let end = Instant::now() + patience;
    let mut problem = None;
    while Instant::now() < end {
        match machine.guarded().await {
            Ok(false) => return Judged::NoGuard,
            Ok(true) => match machine.guard_status().await {
                Ok(status) => {
                    problem = None;
                    if let Some(verdict) = status.verdict_after(&earlier.before, &earlier.known) {
                        return Judged::Verdict(verdict);
                    }
                }
                Err(NoAnswer::Unreadable(reason)) => problem = Some(reason),
                Err(NoAnswer::Failed) => {}
            },
            Err(_) => {}
        }
        sleep(Duration::from_secs(1)).await;
    }
    Judged::TooLate(problem)
}
