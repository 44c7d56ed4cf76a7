//! One look at the release: fetched, checked, and followed if it may be.

use http::StatusCode;
use uecho_probe::timestamp::Timestamp;

use crate::{
    decision::{self, Decision},
    machine::{self, Opinion},
    manifest::{Manifest, StorePath},
    memory::Memory,
    outcome::{Ended, Outcome},
    settings::Settings,
    signature,
};

/// Looks once. What was accepted is in `memory`, and on the disk as well before anything changes.
pub(crate) async fn poll(settings: &Settings, memory: &mut Memory) -> Ended {
    let now = Timestamp::now();
    let ended = follow(settings, memory, now).await.unwrap_or_else(|ended| ended);
    if ended.outcome.is_success() {
        memory.last_success = Some(now);
    }
    ended
}

async fn follow(settings: &Settings, memory: &mut Memory, now: Timestamp) -> Result<Ended, Ended> {
    let manifest = read(settings).await?;
    let system = decision::judge(memory, &manifest, &settings.place, now)
        .map_err(|refusal| Ended::new(Outcome::Refused, format!("the release is refused: {refusal}")))?;
    memory.accept(manifest.sequence, system, now);
    let running = machine::running().map_err(|error| failed(format!("/run/current-system: {error}")))?;
    let turn = machine::turn(settings.window.0);
    let release = format!("release {} ({system})", manifest.sequence);
    match decision::decide(memory, &running, turn, now) {
        Decision::UpToDate => Ok(Ended::new(Outcome::UpToDate, format!("{release} runs"))),
        Decision::Wait(left) => {
            let text = format!("{release}: the turn of this machine is in {} s", left.as_secs());
            Ok(Ended::new(Outcome::Waiting, text))
        }
        Decision::Switch => {
            memory.write(&settings.state_dir).map_err(|error| {
                failed(format!("{}: the memory cannot be written: {error}", settings.state_dir.display()))
            })?;
            install(settings, system, &release).await
        }
    }
}

/// The manifest, if one of the keys has signed it.
async fn read(settings: &Settings) -> Result<Manifest, Ended> {
    let unreachable = |error| Ended::new(Outcome::Unreachable, error);
    let text = settings.release.get("").await.map_err(unreachable)?;
    let signed = settings.release.get(".sig").await.map_err(unreachable)?;
    let refused = |error| {
        Ended::new(Outcome::Refused, format!("the release at {} is refused: {error}", settings.release.url))
    };
    // first who says it, then what it says
    signature::check(&text, &signed, &settings.allowed_signers).await.map_err(refused)?;
    Manifest::parse(&text).map_err(refused)
}

async fn install(settings: &Settings, system: &StorePath, release: &str) -> Result<Ended, Ended> {
    let busy = |text: &str| Ended::new(Outcome::Busy, format!("{release}: {text}"));
    // before the download: what is bad need not be fetched again
    if machine::preflight(system).await.map_err(failed)? == Opinion::Quarantined {
        return Ok(Ended::new(Outcome::Quarantined, format!("{release} is quarantined")));
    }
    machine::realise(system)
        .await
        .map_err(|error| Ended::new(Outcome::Unreachable, format!("{release}: {error}")))?;
    if machine::is_busy().await.map_err(failed)? {
        return Err(busy("the guard judges another version, or a deployment is under way"));
    }
    if let Some(balancer) = &settings.may_drain {
        let status = balancer.status("").await.map_err(|error| busy(&error))?;
        if status != StatusCode::OK {
            return Err(busy(&format!("{}: other machines are away ({})", balancer.url, status.as_u16())));
        }
    }
    machine::switch(system).await.map_err(|error| failed(format!("{release}: {error}")))?;
    Ok(Ended::new(Outcome::Switched, format!("{release} was switched to; the guard judges it")))
}

fn failed(text: String) -> Ended {
    Ended::new(Outcome::Failed, text)
}
