//! The end of a deployment: the proof that the new version serves, or the way back and the proof of that.

use uecho_probe::check::Expect;

use crate::{
    decision::{self, Facts, Step},
    judgement::Judged,
    machine::Machine,
    nix::Built,
    outcome::Outcome,
    proof::Proof,
    say::say,
    version::Version,
};

/// What the end of a deployment is about.
#[derive(Debug)]
pub(crate) struct Conclusion<'a> {
    /// The machine.
    pub machine: Machine<'a>,
    /// How to see from here that it serves.
    pub proof: &'a Proof,
    /// The version that it was switched to.
    pub new: &'a Built,
    /// The version that ran before.
    pub old: &'a Version,
}

impl Conclusion<'_> {
    /// Does what follows from the facts, and proves it.
    pub(crate) async fn conclude(&self, facts: Facts<'_>) -> Outcome {
        let Self { proof, new, .. } = self;
        let url = &proof.target;
        let (step, said) = decision::next(facts);
        said.into_iter().for_each(say);
        match step {
            Step::End(outcome) => outcome,
            Step::Prove => {
                let Built { version, revision } = new;
                let expected = Expect { revision: revision.clone(), ..expect(&version.label) };
                if !proof.serves(expected).await {
                    return self.go_back(None).await;
                }
                let guarded = *facts.judged != Judged::NoGuard;
                let blessed = if guarded { ", and the guard has blessed it" } else { "" };
                let revision = revision.as_ref().map(|it| format!(" (revision {it})")).unwrap_or_default();
                say(format!("{url} serves {}{revision}{blessed}", version.label));
                Outcome::Serves
            }
            Step::ProveBack(system) => {
                let label = match self.machine.version(system.clone()).await {
                    Ok(version) => version.label,
                    Err(_) => system,
                };
                if !proof.serves(expect(&label)).await {
                    return Outcome::Unproven;
                }
                say(format!("{url} serves {label} again"));
                Outcome::TakenBack
            }
            Step::GoBack(failed) => self.go_back(failed).await,
        }
    }

    /// Switches back from here, because the switch has failed with a status, or because the new version does
    /// not serve.
    async fn go_back(&self, failed: Option<i32>) -> Outcome {
        let (url, new, old) = (&self.proof.target, &self.new.version.label, &self.old.label);
        let why = failed.map_or_else(
            || "the new version does not serve".into(),
            |status| format!("switching failed (status {status})"),
        );
        say(format!("{why}; switching back to {old}"));
        let status = self.machine.activate(&self.old.system).await;
        let serves = self.proof.serves(expect(old)).await;
        say(match (serves, status) {
            (false, _) => format!("{url} does not serve {old} either"),
            (true, 0) => format!("{url} serves {old} again"),
            (true, status) => format!(
                "{url} serves {old}, but switching back failed (status {status}): the machine may boot {new}"
            ),
        });
        decision::way_back(status, serves)
    }
}

/// What the receipts of a system say.
fn expect(label: &str) -> Expect {
    Expect { system: Some(label.into()), ..Expect::default() }
}
