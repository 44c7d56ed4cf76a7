//! One deployment to one machine, step by step.

use std::time::Duration;

use uecho_probe::exit;

use crate::{
    conclusion::Conclusion,
    decision::{self, Facts},
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

/// What to deploy and how, whichever the machine is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings<'a> {
    /// How to build and copy.
    pub nix: &'a Nix,
    /// What to deploy.
    pub flake: &'a Flake,
    /// How long the guard may take.
    pub patience: Duration,
    /// Why the version may run although it is quarantined.
    pub override_reason: Option<&'a str>,
}

/// One deployment.
#[derive(Debug)]
pub(crate) struct Deployment<'a> {
    /// What and how.
    pub settings: Settings<'a>,
    /// Where to.
    pub machine: Machine<'a>,
    /// How to see from here that it serves.
    pub proof: &'a Proof,
}

/// How a deployment has ended.
#[derive(Debug)]
pub(crate) struct Done {
    /// The outcome.
    pub outcome: Outcome,
    /// The version that was deployed.
    pub new: Version,
    /// The version that ran before.
    pub old: Version,
}

/// Where a version is.
#[derive(Clone, Copy, Debug)]
enum Place {
    Here,
    There,
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
    pub(crate) async fn run(&self) -> Result<Done, Error> {
        let Settings { nix, flake, .. } = self.settings;
        say(format!("building {flake}"));
        self.bring(nix.build(flake).await?, Place::Here).await
    }

    /// Deploys a version that the machine has run before.
    ///
    /// # Errors
    /// It has not begun: nothing was changed.
    pub(crate) async fn return_to(&self, version: Version) -> Result<Done, Error> {
        self.bring(Built { version, revision: None }, Place::There).await
    }

    async fn bring(&self, new: Built, place: Place) -> Result<Done, Error> {
        let machine = self.machine;
        let before = self.look().await?;
        if before.had_guard && !self.permitted(&new).await? {
            return Ok(Done { outcome: Outcome::Quarantined, new: new.version, old: before.version });
        }
        let (label, host, running) = (&new.version.label, machine.host, &before.version.label);
        match place {
            Place::Here => {
                say(format!("copying {label} to {host}, which runs {running}"));
                self.settings.nix.copy(&new.version, host).await?;
            }
            Place::There => say(format!("{host} still has {label}, and runs {running}")),
        }
        say("switching");
        let switched = machine.activate(&new.version.system).await;
        let judged = self.judged(switched, &before.earlier).await;
        let facts = Facts {
            host: &machine.host.to_string(),
            switched,
            judged: &judged,
            patience: self.settings.patience.as_secs(),
            system: &new.version.system,
            had_guard: before.had_guard,
        };
        let end = Conclusion { machine, proof: self.proof, new: &new, old: &before.version };
        let outcome = end.conclude(facts).await;
        Ok(Done { outcome, new: new.version, old: before.version })
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
        if let Some(reason) = self.settings.override_reason
            && self.machine.preflight(&version.system, Some(reason)).await != 0
        {
            return Err(Error::NothingChanged("The override could not be recorded.".into()));
        }
        let status = self.machine.preflight(&version.system, None).await;
        let quarantined = status == i32::from(exit::QUARANTINED);
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
        judgement::wait(self.machine, earlier, self.settings.patience).await
    }
}
