//! Carries out a command: from settings, lock, machine and ledger to the exit code.

mod error;

use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use error::Error;
use uecho_probe::last_words;

use crate::{
    backend::Backend,
    cli::{Cli, Command},
    events::{self, Event},
    guard::Guard,
    human,
    ledger::Ledger,
    lock::{Lock, LockError},
    log, metrics,
    nixos::NixOs,
    report::{Conclusion, Report},
    runtime::{self, LastVerdict},
    settings::{
        Settings,
        slots::{AfterUpdate, Backend as Kind},
    },
    slots::{Slots, reset},
    status::Status,
    store::{Integrity, Store, disk::Folder},
    system::{System as _, SystemError},
    updater::Wish,
    version::Version,
};

const LOCK: &str = "lock";

/// Carries out the command line, and returns the exit code.
#[must_use]
pub fn main(cli: &Cli) -> ExitCode {
    let result = run(cli);
    ExitCode::from(result.unwrap_or_else(|error| {
        last_words::of_error(log::IDENTIFIER, &error);
        error.exit_code()
    }))
}

fn run(cli: &Cli) -> Result<u8, Error> {
    let settings = Settings::load(cli.config.as_deref())?;
    log::start();
    match (&cli.command, settings.backend) {
        (Command::Update { check, to, override_reason }, Kind::Slots) => {
            let wish = Wish {
                to: to.as_deref().map(Version::new),
                check: *check,
                why: override_reason.clone(),
                by: caller(),
                reboot: settings.slots.after_update == AfterUpdate::Reboot,
            };
            update(&settings, &wish)
        }
        (Command::FactoryReset, Kind::Slots) => factory_reset(&settings),
        (command, Kind::Generations) => carry_out::<NixOs>(settings, command),
        (command, Kind::Slots) => carry_out::<Slots>(settings, command),
    }
}

/// Carries out a command that every kind of machine has.
fn carry_out<S: Backend>(mut settings: Settings, command: &Command) -> Result<u8, Error> {
    match command {
        Command::Update { .. } => Err(Error::NoSlots("update")),
        Command::FactoryReset => Err(Error::NoSlots("factory-reset")),
        Command::Verify { soak, interval, dry_run } => {
            settings.soak = soak.unwrap_or(settings.soak);
            settings.interval = interval.unwrap_or(settings.interval);
            if *dry_run {
                let mut guard = Guard::peek(S::new(&settings)?, store(&settings), settings.policy());
                return tell(&guard.dry_run()?);
            }
            decide::<S>(&settings, "verifying what runs", Guard::verify)
        }
        Command::Rollback { to } => {
            let to = to.as_deref().map(S::named).transpose()?;
            decide::<S>(&settings, "rolling back", |guard| guard.rollback(to, &caller()))
        }
        Command::Arm => arm::<S>(&settings),
        Command::Preflight { version, override_reason: None } => preflight::<S>(&settings, version),
        Command::Preflight { version, override_reason: Some(reason) } => {
            pardon::<S>(&settings, version, "override", reason)
        }
        Command::Release { version, reason } => pardon::<S>(&settings, version, "release", reason),
        Command::Status { json } => {
            let status = Status::gather(&S::new(&settings)?, &settings, LastVerdict::read(&settings));
            print(&if *json { status.json() } else { status.to_string() })
        }
        Command::Metrics => {
            let ledger = known(&settings, || "what is known of any version".into())?;
            print(&metrics::render(&ledger, S::new(&settings)?.running().ok().as_ref()))
        }
        Command::CheckConfig => {
            print(&toml::to_string(&settings).map_err(|error| Error::Output(io::Error::other(error)))?)
        }
        Command::Again => again::<S>(&settings),
    }
}

fn store(settings: &Settings) -> Store<Folder> {
    Store { state: Folder(settings.state_dir.clone()), runtime: Folder(settings.runtime_dir.clone()) }
}

/// The ledger for commands that only read it. A ledger that cannot be read is an error, not an empty ledger.
fn known(settings: &Settings, what: impl FnOnce() -> String) -> Result<Ledger, Error> {
    match store(settings).read() {
        (_, Integrity::Lost(problem)) => {
            Err(Error::Ledger { folder: settings.state_dir.clone(), problem, what: what() })
        }
        (ledger, _) => Ok(ledger),
    }
}

type RealGuard<S> = Guard<S, Folder>;

/// Opens the guard under the lock. The lock must be held for as long as the guard is.
fn open<S: Backend>(settings: &Settings, reason: &str) -> Result<(Lock, RealGuard<S>), Error> {
    let lock = Lock::take(&settings.runtime_dir.join(LOCK), reason)?;
    Ok((lock, Guard::open(S::new(settings)?, store(settings), settings.policy())))
}

/// Verifies or rolls back, and publishes the verdict for the next guard and other programs.
fn decide<S: Backend>(
    settings: &Settings,
    reason: &str,
    act: impl FnOnce(&mut RealGuard<S>) -> Result<Report, SystemError>,
) -> Result<u8, Error> {
    let (_lock, mut guard) = open::<S>(settings, reason)?;
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
    // a rollback that could not be done is no verdict on the running version
    if judged.is_some() || !matches!(report.outcome, Conclusion::Refused | Conclusion::NowhereToGo) {
        let activation = judged.or_else(|| guard.system.activation().ok());
        guard.system.leave_verdict(&report, activation.as_deref());
    }
    tell(&report)
}

fn arm<S: Backend>(settings: &Settings) -> Result<u8, Error> {
    match open::<S>(settings, "arming a trial boot") {
        // a rollback also runs the installer of the boot loader, which calls this; the rollback itself sets
        // the boot loader's choice
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

fn preflight<S: Backend>(settings: &Settings, path: &Path) -> Result<u8, Error> {
    let version = S::named(path)?;
    let ledger = known(settings, || format!("whether {version} is quarantined"))?;
    let report = human::preflight(&ledger, &version);
    if report.outcome == Conclusion::Refused
        && let Ok((_lock, mut guard)) = open::<S>(settings, "counting a refusal")
    {
        guard.count_refusal(&version);
        write_metrics(settings, &guard);
    }
    tell(&report)
}

fn pardon<S: Backend>(settings: &Settings, path: &Path, kind: &str, reason: &str) -> Result<u8, Error> {
    let version = S::named(path)?;
    let (_lock, mut guard) = open::<S>(settings, kind)?;
    let report = guard.pardon(&version, kind, &caller(), reason)?;
    write_metrics(settings, &guard);
    tell(&report)
}

/// systemd starts the unit that calls this when a verification has ended and systemd watches
/// `/run/current-system` again. Without it, a version that was activated in between, after the last check of
/// the guard, would never be judged.
fn again<S: Backend>(settings: &Settings) -> Result<u8, Error> {
    let system = S::new(settings)?;
    let judged = LastVerdict::read(settings).and_then(|verdict| verdict.activation);
    let activation = system.activation()?;
    // a guard that has begun to judge it and failed would only fail again
    if judged.as_ref() == Some(&activation) || runtime::begun(settings).as_ref() == Some(&activation) {
        return Ok(0);
    }
    events::emit(&Event::NotJudged { version: &system.running()? });
    let start = ["systemctl", "--no-block", "start", "uecho-guard.service"];
    system.host().must(&start, Duration::from_mins(1))?;
    Ok(0)
}

/// Installs a newer image. Only to look for one needs no lock.
fn update(settings: &Settings, wish: &Wish) -> Result<u8, Error> {
    if wish.check {
        let mut guard = Guard::peek(Slots::new(settings)?, store(settings), settings.policy());
        return tell(&guard.update(wish)?);
    }
    let (_lock, mut guard) = open::<Slots>(settings, "updating")?;
    let result = guard.update(wish);
    write_metrics(settings, &guard);
    tell(&result?)
}

fn factory_reset(settings: &Settings) -> Result<u8, Error> {
    let (_lock, guard) = open::<Slots>(settings, "resetting to factory state")?;
    let version = guard.system.running()?;
    reset::request(&guard.system.host)?;
    events::emit(&Event::FactoryReset { version: &version, by: &caller() });
    print(&format!("{version}: stays; everything else is erased by the reboot that follows\n"))
}

/// Login name of the caller, for the ledger.
fn caller() -> String {
    let name = |variable| std::env::var(variable).ok().filter(|name| !name.is_empty());
    let user = name("SUDO_USER").or_else(|| name("USER")).or_else(|| name("LOGNAME"));
    user.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()))
}

fn write_metrics<S: Backend>(settings: &Settings, guard: &RealGuard<S>) {
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
