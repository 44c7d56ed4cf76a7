//! Wiring: settings, lock, machine, ledger, and the exit code.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use uecho_probe::{exit, last_words};

use crate::{
    cli::{Cli, Command},
    command,
    events::{self, Event},
    guard::Guard,
    human,
    ledger::Ledger,
    lock::{Lock, LockError},
    log, metrics,
    nixos::NixOs,
    report::{Conclusion, Report},
    runtime::{self, LastVerdict},
    settings::{Settings, SettingsError},
    status::Status,
    store::{Integrity, Store, WriteError, disk::Folder},
    system::{System, SystemError},
    version::Version,
};

const LOCK: &str = "lock";

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    System(#[from] SystemError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(
        "the ledger in {folder} cannot be read ({problem}), so there is no telling {what}; `uecho-guard \
            verify` rebuilds it"
    )]
    Ledger { folder: PathBuf, problem: String, what: String },
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
}

impl Error {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Settings(_) => exit::CONFIG,
            Self::Lock(LockError::Held(_)) => exit::TEMPORARY,
            Self::Lock(LockError::Io(_))
            | Self::System(_)
            | Self::Write(_)
            | Self::Ledger { .. }
            | Self::Output(_) => exit::SOFTWARE,
        }
    }
}

/// Runs the command line to its end.
#[must_use]
pub fn main(cli: &Cli) -> ExitCode {
    let result = run(cli);
    ExitCode::from(result.unwrap_or_else(|error| {
        last_words::of_error(log::IDENTIFIER, &error);
        error.exit_code()
    }))
}

fn run(cli: &Cli) -> Result<u8, Error> {
    let mut settings = Settings::load(cli.config.as_deref())?;
    log::start();
    match &cli.command {
        Command::Verify { soak, interval, dry_run } => {
            settings.soak = soak.unwrap_or(settings.soak);
            settings.interval = interval.unwrap_or(settings.interval);
            if *dry_run {
                let mut guard = Guard::peek(NixOs::new(&settings)?, store(&settings), settings.policy());
                return tell(&guard.dry_run()?);
            }
            decide(&settings, "verifying what runs", Guard::verify)
        }
        Command::Rollback { to } => {
            let to = to.as_deref().map(known_version).transpose()?;
            decide(&settings, "rolling back", |guard| guard.rollback(to, &caller()))
        }
        Command::Arm => arm(&settings),
        Command::Preflight { version, override_reason: None } => preflight(&settings, version),
        Command::Preflight { version, override_reason: Some(reason) } => {
            pardon(&settings, version, "override", reason)
        }
        Command::Release { version, reason } => pardon(&settings, version, "release", reason),
        Command::Status { json } => {
            let status = Status::gather(&NixOs::new(&settings)?, &settings, LastVerdict::read(&settings));
            print(&if *json { status.json() } else { status.to_string() })
        }
        Command::Metrics => {
            let ledger = known(&settings, || "what is known of any version".into())?;
            print(&metrics::render(&ledger, NixOs::new(&settings)?.running().ok().as_ref()))
        }
        Command::Again => again(&settings),
    }
}

fn store(settings: &Settings) -> Store<Folder> {
    Store { state: Folder(settings.state_dir.clone()), runtime: Folder(settings.runtime_dir.clone()) }
}

/// The ledger for those who only read it: one that cannot be read is no empty one.
fn known(settings: &Settings, what: impl FnOnce() -> String) -> Result<Ledger, Error> {
    match store(settings).read() {
        (_, Integrity::Lost(problem)) => {
            Err(Error::Ledger { folder: settings.state_dir.clone(), problem, what: what() })
        }
        (ledger, _) => Ok(ledger),
    }
}

type RealGuard = Guard<NixOs, Folder>;

/// Opens the guard under the lock. The lock must be held for as long as the guard is.
fn open(settings: &Settings, reason: &str) -> Result<(Lock, RealGuard), Error> {
    let lock = Lock::take(&settings.runtime_dir.join(LOCK), reason)?;
    Ok((lock, Guard::open(NixOs::new(settings)?, store(settings), settings.policy())))
}

/// Verifies or rolls back, and leaves the verdict where the next one and others find it.
fn decide(
    settings: &Settings,
    reason: &str,
    act: impl FnOnce(&mut RealGuard) -> Result<Report, SystemError>,
) -> Result<u8, Error> {
    let (_lock, mut guard) = open(settings, reason)?;
    runtime::begin(settings, &guard.system.activation().unwrap_or_default());
    let result = act(&mut guard);
    write_metrics(settings, &guard);
    let report = match result {
        Ok(report) => report,
        Err(error) => {
            let version = guard.system.running().unwrap_or_else(|_| Version::new(""));
            Report { outcome: Conclusion::Failed, version, text: error.to_string() }
        }
    };
    let judged = guard.judged().map(str::to_owned);
    // a wish that came to nothing is no verdict on what runs
    if judged.is_some() || !matches!(report.outcome, Conclusion::Refused | Conclusion::NowhereToGo) {
        let activation = judged.or_else(|| guard.system.activation().ok());
        guard.system.leave_verdict(&report, activation.as_deref());
    }
    tell(&report)
}

fn arm(settings: &Settings) -> Result<u8, Error> {
    match open(settings, "arming a trial boot") {
        // the installer of the boot loader calls us also when it is called by a rollback, which settles this
        // itself
        Err(Error::Lock(LockError::Held(_))) if store(settings).read().0.intent.is_some() => {
            print("a rollback is under way, and sees to what will be booted\n")
        }
        Err(error) => Err(error),
        Ok((_lock, mut guard)) => {
            let report = guard.arm()?;
            write_metrics(settings, &guard);
            tell(&report)
        }
    }
}

fn preflight(settings: &Settings, path: &Path) -> Result<u8, Error> {
    let version = known_version(path)?;
    let ledger = known(settings, || format!("whether {version} is quarantined"))?;
    let report = human::preflight(&ledger, &version);
    if report.outcome == Conclusion::Refused
        && let Ok((_lock, mut guard)) = open(settings, "counting a refusal")
    {
        guard.count_refusal(&version);
        write_metrics(settings, &guard);
    }
    tell(&report)
}

fn pardon(settings: &Settings, path: &Path, kind: &str, reason: &str) -> Result<u8, Error> {
    let version = known_version(path)?;
    let (_lock, mut guard) = open(settings, kind)?;
    let report = guard.pardon(&version, kind, &caller(), reason)?;
    write_metrics(settings, &guard);
    tell(&report)
}

/// systemd starts the unit that calls this when a verification has ended and `/run/current-system` is watched
/// again. Without it, a version activated after the guard's last look and before that would never be judged.
fn again(settings: &Settings) -> Result<u8, Error> {
    let system = NixOs::new(settings)?;
    let judged = LastVerdict::read(settings).and_then(|verdict| verdict.activation);
    let activation = system.activation()?;
    // a guard that has begun with it and failed would only fail again
    if judged.as_ref() == Some(&activation) || runtime::begun(settings).as_ref() == Some(&activation) {
        return Ok(0);
    }
    events::emit(&Event::NotJudged { version: &system.running()? });
    let start = ["systemctl", "--no-block", "start", "uecho-guard.service"];
    system.block_on(command::must(&start, Duration::from_mins(1)))?;
    Ok(0)
}

/// A version by the path that a human or a tool has; one that is gone from the store can still be named.
fn known_version(path: &Path) -> Result<Version, SystemError> {
    match NixOs::resolve(path) {
        Err(_) if path.starts_with("/nix/store") => Ok(Version::new(path.to_string_lossy())),
        other => other,
    }
}

/// Who asked, for the record.
fn caller() -> String {
    let name = |variable| std::env::var(variable).ok().filter(|name| !name.is_empty());
    let user = name("SUDO_USER").or_else(|| name("USER")).or_else(|| name("LOGNAME"));
    user.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()))
}

fn write_metrics(settings: &Settings, guard: &RealGuard) {
    let text = metrics::render(guard.ledger(), guard.system.running().ok().as_ref());
    runtime::leave(settings, runtime::METRICS, text.as_bytes());
}

fn tell(report: &Report) -> Result<u8, Error> {
    print(&format!("{}: {}\n", report.version, report.text))?;
    Ok(report.outcome.code())
}

fn print(text: &str) -> Result<u8, Error> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Output(error)),
        _ => Ok(0),
    }
}
