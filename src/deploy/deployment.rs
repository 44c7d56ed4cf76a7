//! One deployment to one machine, step by step.

use std::time::Duration;

use uecho_probe::check::Expect;

use crate::{
    decision::{self, Facts, Step},
    error::Error,
    flake::Flake,
    judgement::{self, Earlier, Judged},
    machine::{self, Machine},
    nix::{Built, Nix},
    outcome::Outcome,
    proof::Proof,
    say::say,
    version::Version,
};

/// What to deploy, how, and where to.
#[derive(Debug)]
pub(crate) struct Deployment<'a> {
    /// How to build and copy.
    pub nix: &'a Nix,
    /// The machine.
    pub machine: Machine<'a>,
    /// How to see from here that it serves.
    pub proof: &'a Proof,
    /// What to deploy.
    pub flake: &'a Flake,
    /// How long the guard may take.
    pub patience: Duration,
    /// Why the version may run although it is quarantined.
    pub override_reason: Option<&'a str>,
}

/// What is known of the machine before the switch.
#[derive(Debug)]
struct Before {
    version: Version,
    earlier: Earlier,
    had_guard: bool,
}

impl Deployment<'_> {
    /// Deploys, and proves it or goes back.
    ///
    /// # Errors
    /// It has not begun: nothing was changed.
    pub(crate) async fn run(&self) -> Result<Outcome, Error> {
        let Self { nix, machine, flake, .. } = self;
        say(format!("building {flake}"));
        let new = nix.build(flake).await?;
        let before = self.look().await?;
        if before.had_guard && !self.permitted(&new).await? {
            return Ok(Outcome::Quarantined);
        }
        say(format!(
            "copying {} to {}, which runs {}",
            new.version.label, machine.host, before.version.label
        ));
        nix.copy(&new.version, machine.host).await?;
        say("switching");
        let switched = machine.activate(&new.version.system).await;
        let judged = self.judged(switched, &before.earlier).await;
        Ok(self.conclude(&new, &before, switched, &judged).await)
    }

    /// Asks the machine what it runs.
    async fn look(&self) -> Result<Before, Error> {
        let machine = self.machine;
        let host = machine.host;
        say(format!("asking {host} what it runs"));
        let silent = |_| Error::NothingChanged(format!("{host} does not say what it runs."));
        let system = machine.running().await;
        let system = system.map_err(|_| Error::NothingChanged(format!("{host} does not answer.")))?;
        let version = machine.version(system).await.map_err(silent)?;
        let before = machine.activation().await.map_err(silent)?;
        let unclear = |_| Error::NothingChanged(format!("{host} does not say whether it has a guard."));
        let had_guard = machine.guarded().await.map_err(unclear)?;
        let mut known = String::new();
        if had_guard {
            let status = machine.guard_status().await;
            let refused = |problem: machine::NoAnswer| Error::NothingChanged(problem.of_guard(host));
            known = status.map_err(refused)?.activation();
        }
        Ok(Before { version, earlier: Earlier { before, known }, had_guard })
    }

    /// Whether the guard lets the new version run. An override is recorded before.
    async fn permitted(&self, new: &Built) -> Result<bool, Error> {
        let Built { version, .. } = new;
        if let Some(reason) = self.override_reason
            && self.machine.preflight(&version.system, Some(reason)).await != 0
        {
            return Err(Error::NothingChanged("The override could not be recorded.".into()));
        }
        let quarantined = self.machine.preflight(&version.system, None).await == machine::QUARANTINED;
        if quarantined {
            say(format!(
                "{} has quarantined {}. Nothing was changed; --override \"WHY\" lets it run all the same.",
                self.machine.host, version.label
            ));
        }
        Ok(!quarantined)
    }

    /// Waits for the verdict, if there may be one.
    async fn judged(&self, switched: i32, earlier: &Earlier) -> Judged {
        // no answer tells nothing of what is activated
        let activated =
            switched != 0 && self.machine.activation().await.ok().as_ref() != Some(&earlier.before);
        if !decision::awaits_verdict(switched, activated) {
            return Judged::NoGuard;
        }
        say("waiting for the verdict of the guard, if there is one");
        judgement::wait(self.machine, earlier, self.patience).await
    }

    async fn conclude(&self, new: &Built, before: &Before, switched: i32, judged: &Judged) -> Outcome {
        let host = self.machine.host.to_string();
        let (step, said) = decision::next(Facts {
            host: &host,
            switched,
            judged,
            patience: self.patience.as_secs(),
            system: &new.version.system,
            had_guard: before.had_guard,
        });
        said.into_iter().for_each(say);
        let url = &self.proof.target;
        match step {
            Step::End(outcome) => outcome,
            Step::Prove => {
                if !self.proof.serves(new.expect()).await {
                    return self.go_back(new, &before.version, None).await;
                }
                let blessed = if *judged == Judged::NoGuard { "" } else { ", and the guard has blessed it" };
                say(format!("{url} serves {} (revision {}){blessed}", new.version.label, new.revision));
                Outcome::Serves
            }
            Step::ProveBack(system) => {
                let label = match self.machine.version(system.clone()).await {
                    Ok(version) => version.label,
                    Err(_) => system,
                };
                if !self.proof.serves(expect(&label)).await {
                    return Outcome::Unproven;
                }
                say(format!("{url} serves {label} again"));
                Outcome::TakenBack
            }
            Step::GoBack(failed) => self.go_back(new, &before.version, failed).await,
        }
    }

    /// Switches back from here.
    async fn go_back(&self, new: &Built, old: &Version, failed: Option<i32>) -> Outcome {
        let (new, old, url) = (&new.version.label, old, &self.proof.target);
        let why = failed.map_or_else(
            || "the new version does not serve".into(),
            |status| format!("switching failed (status {status})"),
        );
        say(format!("{why}; switching back to {}", old.label));
        let status = self.machine.activate(&old.system).await;
        let serves = self.proof.serves(expect(&old.label)).await;
        let old = &old.label;
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

impl Built {
    fn expect(&self) -> Expect {
        Expect { revision: Some(self.revision.clone()), ..expect(&self.version.label) }
    }
}
