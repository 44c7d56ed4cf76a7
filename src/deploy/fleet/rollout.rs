//! One rollout: in each wave one node after the other, and a look at the whole fleet at its end.

use std::{ops::ControlFlow, time::Duration};

use super::{
    bake::{self, Limits},
    file::{Fleet, Node},
    lock::Lock,
    progress::{Progress, State},
    waves::{self, Wave},
};
use crate::{
    deployment::{Deployment, Done, Settings},
    error::Error,
    machine::Machine,
    outcome::Outcome,
    proof::Proof,
    say::say,
    ssh::Ssh,
    version::Version,
};

/// A rollout.
#[derive(Debug)]
pub(crate) struct Rollout<'a> {
    /// Where to.
    pub fleet: &'a Fleet,
    /// How many at a time.
    pub waves: &'a [Wave],
    /// The connections.
    pub ssh: &'a Ssh,
    /// How each node is deployed to.
    pub settings: Settings<'a>,
    /// How long a version may take until it serves, as seen from here.
    pub wait: Duration,
    /// How long the fleet is watched after each wave.
    pub bake: Duration,
    /// What it must keep meanwhile.
    pub limits: Limits,
    /// What becomes of the nodes that were updated, when it stops.
    pub on_failure: OnFailure,
}

/// What becomes of the nodes that were updated, when a rollout stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum OnFailure {
    /// They keep the new version, which serves there.
    Keep,
    /// They get the version back that they ran before, the last one first.
    Revert,
}

/// What a node is to run.
#[derive(Clone, Copy, Debug)]
enum Goal<'a> {
    /// The version that is rolled out.
    New,
    /// The one that it ran before.
    Old(&'a Version),
}

impl Rollout<'_> {
    /// Rolls out, and says at its end what runs where. Returns the exit code.
    ///
    /// # Errors
    /// It has not begun: another one is under way, or the balancer's machine does not answer.
    pub(crate) async fn run(&self) -> Result<u8, Error> {
        let host = self.fleet.balancer.host.as_root();
        let mut lock = Lock::take(Machine { ssh: self.ssh, host: &host }).await?;
        let mut progress = Progress::new(self.fleet.nodes.iter().map(|node| node.name.as_str()));
        let stopped = self.waves(&mut lock, &mut progress).await;
        if stopped.is_break() && self.on_failure == OnFailure::Revert {
            self.revert(&mut lock, &mut progress).await;
        }
        lock.release().await;
        say(progress.to_string().trim_end());
        Ok(match stopped {
            ControlFlow::Break(code) => code,
            ControlFlow::Continue(()) => 0,
        })
    }

    async fn waves(&self, lock: &mut Lock, progress: &mut Progress) -> ControlFlow<u8> {
        let plan = waves::plan(self.waves, self.fleet.nodes.len());
        for (number, wave) in plan.iter().enumerate() {
            say(format!("wave {} of {}", number + 1, plan.len()));
            for (position, node) in self.fleet.nodes.iter().enumerate().take(wave.end).skip(wave.start) {
                let (code, state) = self.node(lock, node, Goal::New).await;
                progress.ended(position, code, state)?;
            }
            self.look().await?;
        }
        ControlFlow::Continue(())
    }

    /// Takes the updated nodes back, one after the other, for as long as that goes well.
    async fn revert(&self, lock: &mut Lock, progress: &mut Progress) {
        for (position, old) in progress.updated() {
            let Some(node) = self.fleet.nodes.get(position) else { return };
            say(format!("{} goes back to {}", node.name, old.label));
            let (code, state) = self.node(lock, node, Goal::Old(&old)).await;
            let state = match state {
                // it has not begun: it still runs the new version
                State::Untouched | State::NotBegun => return,
                State::Updated { new, .. } => State::Reverted(new),
                other => other,
            };
            if progress.ended(position, code, state).is_break() {
                return;
            }
        }
    }

    /// One node: only while all others serve, and until it serves behind the balancer again.
    async fn node(&self, lock: &mut Lock, node: &Node, goal: Goal<'_>) -> (u8, State) {
        let Fleet { balancer, nodes } = self.fleet;
        let name = &node.name;
        if !lock.is_held() {
            say(format!(
                "the connection to {} is broken, and with it the lock; {name} has to wait",
                balancer.host
            ));
            return (Outcome::NoVerdict.code(), State::Untouched);
        }
        let others = nodes.iter().map(|node| node.name.as_str()).filter(|other| other != name);
        if let Err(down) = balancer.up(others).await {
            say(format!("{name} has to wait: {down}"));
            return (Outcome::NoVerdict.code(), State::Untouched);
        }
        let done = self.deploy(node, goal).await;
        let state = State::after(&done);
        match done {
            Err(error) => {
                say(format!("{name}: {error}"));
                (error.exit_code(), state)
            }
            Ok(Done { outcome: Outcome::Serves, new, .. }) => {
                match balancer.shows(node, &new.label, self.wait).await {
                    Ok(()) => {
                        say(format!("{} serves {} from {name}", balancer.url, new.label));
                        (0, state)
                    }
                    Err(problem) => {
                        say(format!("{name} serves {}, but not behind the balancer: {problem}", new.label));
                        (Outcome::Unproven.code(), state)
                    }
                }
            }
            Ok(done) => (done.outcome.code(), state),
        }
    }

    async fn deploy(&self, node: &Node, goal: Goal<'_>) -> Result<Done, Error> {
        let host = node.host.as_root();
        let proof = Proof::of(node.url.as_ref(), &host, self.wait)?;
        let machine = Machine { ssh: self.ssh, host: &host };
        let flake = node.flake.as_ref().unwrap_or(self.settings.flake);
        let settings = Settings { flake, ..self.settings };
        let deployment = Deployment { settings, machine, proof: &proof };
        match goal {
            Goal::New => deployment.run().await,
            Goal::Old(version) => deployment.return_to(version.clone()).await,
        }
    }

    /// A look at the whole fleet.
    async fn look(&self) -> ControlFlow<u8> {
        let seconds = self.bake.as_secs();
        say(format!("watching the fleet for {seconds} s"));
        let problem = match self.fleet.balancer.watch(self.bake).await {
            Ok(seen) => {
                let percent = seen.errors * 100.0;
                let p99 = bake::ms(seen.p99);
                say(format!("{} answers, {percent:.3} % errors, 99 of 100 within {p99} ms", seen.answers));
                self.limits.exceeded(&seen)
            }
            Err(problem) => Some(problem),
        };
        problem.map_or(ControlFlow::Continue(()), |problem| {
            say(format!("the rollout stops: {problem}"));
            ControlFlow::Break(Outcome::Unhealthy.code())
        })
    }
}
