//! From the command line to the exit code.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use tokio::runtime;
use uecho_probe::{exit, last_words, target::Target, timestamp::Timestamp};

use crate::{
    cli::{Cli, Command},
    fetch::Source,
    manifest::Manifest,
    memory::Memory,
    metrics,
    outcome::{Ended, Outcome},
    poll, promotion,
    settings::{Settings, SettingsError},
};

/// How long one machine may take to show its metrics.
const METRICS: Duration = Duration::from_secs(20);
/// Of all the metrics of a machine only those that programs leave in files, those of the guard among them.
const OF_FILES: &str = "?collect[]=textfile";

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{0}")]
    Settings(#[from] SettingsError),
    #[error("{}", .0.text)]
    Ended(Ended),
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl Error {
    fn code(&self) -> u8 {
        match self {
            Self::Settings(_) => exit::CONFIG,
            Self::Ended(ended) => ended.outcome.code(),
            Self::Io(_) => Outcome::Failed.code(),
        }
    }
}

impl From<Ended> for Error {
    fn from(ended: Ended) -> Self {
        Self::Ended(ended)
    }
}

/// Does what the command line says, and returns the exit code.
#[must_use]
pub fn main(cli: &Cli) -> ExitCode {
    ExitCode::from(run(cli).unwrap_or_else(|error| {
        last_words::say("pull", &error.to_string());
        error.code()
    }))
}

fn run(cli: &Cli) -> Result<u8, Error> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    match &cli.command {
        Command::Poll => runtime.block_on(look(&Settings::read(&cli.config)?)),
        Command::CheckConfig => Settings::read(&cli.config).map(|_| 0).map_err(Error::from),
        Command::Manifest { environment, wave, sequence, valid_for, systems } => {
            let (environment, wave) = (environment.clone(), wave.clone());
            let (not_after, systems) = (later(valid_for.0), systems.iter().cloned().collect());
            print(&Manifest { environment, wave, sequence: *sequence, not_after, systems })
        }
        Command::Promote { release, metrics, bake, wave, valid_for } => {
            let manifest = fs::read(release).map_err(|error| error.to_string());
            let manifest = manifest
                .and_then(|text| Manifest::parse(&text))
                .map_err(|error| Ended::new(Outcome::Refused, format!("{}: {error}", release.display())))?;
            for (machine, url) in metrics {
                runtime.block_on(well(machine, url, &manifest, bake.0))?;
            }
            print(&Manifest { wave: wave.clone(), not_after: later(valid_for.0), ..manifest })
        }
    }
}

/// One look, with what is remembered of those before.
async fn look(settings: &Settings) -> Result<u8, Error> {
    let _lock = lock(&settings.state_dir)?;
    let (memory, ended) = match Memory::read(&settings.state_dir) {
        Ok(mut memory) => {
            let before = memory.clone();
            let ended = poll::poll(settings, &mut memory).await;
            if memory != before {
                memory.write(&settings.state_dir)?;
            }
            (memory, ended)
        }
        Err(error) => (Memory::default(), Ended::new(Outcome::Failed, error)),
    };
    last_words::say("pull", &ended.text);
    metrics::write(&settings.metrics, &metrics::render(&memory, ended.outcome))?;
    Ok(ended.outcome.code())
}

/// Only one look at a time. The lock is that of the file, and goes with the process.
fn lock(folder: &Path) -> Result<File, Error> {
    fs::create_dir_all(folder)?;
    let file = File::create(folder.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(Ended::new(Outcome::Busy, "another look at the release is under way").into())
        }
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

async fn well(machine: &str, url: &Target, manifest: &Manifest, bake: Duration) -> Result<(), Ended> {
    let system = manifest
        .systems
        .get(machine)
        .ok_or_else(|| Ended::new(Outcome::Refused, format!("the release has no system for `{machine}`")))?;
    let source = Source { url: url.clone(), timeout: METRICS };
    let text = source.get(OF_FILES).await.map_err(|error| Ended::new(Outcome::Unreachable, error))?;
    let text = String::from_utf8_lossy(&text);
    promotion::judge(&text, system.as_str(), bake, Timestamp::now())
        .map_err(|ended| Ended { text: format!("{machine}: {}", ended.text), ..ended })
}

fn later(time: Duration) -> Timestamp {
    Timestamp(Timestamp::now().0.saturating_add(time.as_secs()))
}

fn print(manifest: &Manifest) -> Result<u8, Error> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, manifest).map_err(io::Error::from)?;
    writeln!(out)?;
    Ok(0)
}
