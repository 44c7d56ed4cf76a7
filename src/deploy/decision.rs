//! What follows from what: from switch and verdict to the next step, and from the way back to the outcome.
//! Pure functions; [`crate::deployment`] does what they say.

use crate::{judgement::Judged, outcome::Outcome, ssh};

/// What is known after the switch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    /// The machine, as ssh names it.
    pub host: &'a str,
    /// The exit status of the switch.
    pub switched: i32,
    /// What the guard says.
    pub judged: &'a Judged,
    /// How long the guard was waited for, in seconds.
    pub patience: u64,
    /// The system that was switched to.
    pub system: &'a str,
    /// Whether the version before had a guard.
    pub had_guard: bool,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The new version must serve; otherwise the old one comes back.
    Prove,
    /// The guard has gone back to this system, which must serve.
    ProveBack(String),
    /// The machine is switched back to the old version: the switch has failed with this status, or the new
    /// version does not serve.
    GoBack(Option<i32>),
    /// Nothing more.
    End(Outcome),
}

/// Whether there may be something for a guard to judge. A switch that was refused, or that failed early, has
/// activated nothing. If the connection broke, the switch may go on.
#[must_use]
pub(crate) fn awaits_verdict(switched: i32, activated: bool) -> bool {
    switched == 0 || switched == ssh::BROKEN || activated
}

/// The next step, and what is to be said before it.
#[must_use]
pub(crate) fn next(facts: Facts<'_>) -> (Step, Vec<String>) {
    let Facts { host, switched, judged, patience, system, had_guard } = facts;
    let verdict = match judged {
        Judged::NoGuard if switched == 0 => return (Step::Prove, vec![]),
        Judged::NoGuard => return (Step::GoBack(Some(switched)), vec![]),
        Judged::TooLate(problem) => {
            let mut said: Vec<_> = problem.iter().cloned().collect();
            said.push(format!("the guard of {host} has given no verdict within {patience} seconds"));
            return (Step::End(Outcome::NoVerdict), said);
        }
        Judged::Verdict(verdict) => verdict,
    };
    let guard_says = || vec![format!("the guard of {host}: {}", verdict.text)];
    match verdict.code {
        0 => {
            let mut said = Vec::new();
            if switched != 0 {
                said.push(format!(
                    "the switch ended with status {switched}, see the journal of uecho-deploy.service"
                ));
            }
            if verdict.version == system {
                return (Step::Prove, said);
            }
            said.push(format!("{host} has been switched to {} meanwhile", verdict.version));
            (Step::End(Outcome::Unproven), said)
        }
        1 => (Step::End(Outcome::Unhealthy), guard_says()),
        3 => {
            let said = format!("the guard has gone back: {}", verdict.text);
            (Step::ProveBack(verdict.version.clone()), vec![said])
        }
        5 if had_guard => (Step::End(Outcome::NowhereToGo), guard_says()),
        // A guard that came with the new version does not know that the old version was good.
        5 => (Step::GoBack(None), guard_says()),
        _ => (Step::End(Outcome::Unproven), guard_says()),
    }
}

/// The outcome of a switch back from here, by its exit status and by whether the old version serves.
#[must_use]
pub(crate) fn way_back(status: i32, serves: bool) -> Outcome {
    if status == 0 && serves { Outcome::TakenBack } else { Outcome::Unproven }
}

#[cfg(test)]
mod tests;
