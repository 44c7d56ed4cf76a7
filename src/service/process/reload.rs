//! SIGHUP: the service reads its settings again. Those that can change while it runs take effect; a bad file
//! changes nothing.

use std::{path::PathBuf, sync::Arc};

use sd_notify::NotifyState;
use secrecy::{ExposeSecret, SecretString};
use tokio::signal::unix::Signal;

use crate::{
    config::{self, ConfigError, Settings, keys},
    net::phase::{Phase, PhaseWatch},
    process::systemd,
    state::{App, Live},
};

/// Whether a key takes effect without a restart.
fn reloadable(key: &str) -> bool {
    ["message", "system", "current_system", "log.filter"].contains(&key) || key.starts_with("fanout.")
}

/// Reloads once for each SIGHUP; those that come during a reload cause one more after it. `files` are the
/// values of `--config`, `status` is what the service manager shows while all is well.
pub(super) async fn run(
    app: Arc<App>,
    files: Vec<PathBuf>,
    status: String,
    mut hangups: Signal,
    phase: PhaseWatch,
) {
    while hangups.recv().await.is_some() {
        if *phase.borrow() > Phase::Running {
            continue;
        }
        systemd::reloading();
        let told = match reload(&app, files.clone()).await {
            Ok(pending) if pending.is_empty() => {
                tracing::info!("settings reloaded");
                status.clone()
            }
            Ok(pending) => {
                let pending = pending.join(", ");
                tracing::warn!("settings reloaded; a restart is needed for {pending}");
                format!("{status}; a restart is needed for {pending}")
            }
            Err(error) => {
                tracing::error!("reload failed, the old settings stay: {error}");
                systemd::one_line(&format!("reload failed, the old settings stay: {error}; {status}"))
            }
        };
        // when the drain has begun, the service is no longer ready
        if *phase.borrow() == Phase::Running {
            systemd::notify(&[NotifyState::Ready, NotifyState::Status(&told)]);
        }
    }
}

/// Reads and applies the settings; gives the keys that differ from those at start and need a restart.
async fn reload(app: &App, files: Vec<PathBuf>) -> Result<Vec<String>, ConfigError> {
    let before = app.live.load_full();
    // files may be on slow disks, and a store of authorities takes milliseconds to be parsed
    let load = move || {
        let loaded = config::load(&files)?;
        let live = Live::new(&loaded.settings, Some(&before));
        Ok::<_, ConfigError>((loaded, live))
    };
    let (loaded, live) = tokio::task::spawn_blocking(load)
        .await
        .map_err(|error| ConfigError::new(format!("the settings could not be read: {error}")))??;
    for warning in &loaded.warnings {
        tracing::warn!("configuration: {warning}");
    }
    // everything that can fail comes before the first change
    let live = live?;
    app.telemetry.set_filter(&loaded.settings.log.filter)?;
    app.set_live(live);
    Ok(pending(&app.settings, &loaded.settings))
}

/// The keys whose new value waits for a restart.
fn pending(old: &Settings, new: &Settings) -> Vec<String> {
    let secrets = [
        ("api.token", same(old.api.token.as_ref(), new.api.token.as_ref())),
        ("otlp.headers", old.otlp.headers.iter().map(exposed).eq(new.otlp.headers.iter().map(exposed))),
    ];
    let differs = |old: &keys::Setting, new: &keys::Setting| {
        old.value != new.value || secrets.contains(&(old.key.as_str(), false))
    };
    keys::flatten(old)
        .into_iter()
        .zip(keys::flatten(new))
        .filter(|(old, new)| differs(old, new) && !reloadable(&old.key))
        .map(|(old, _)| old.key)
        .collect()
}

fn same(old: Option<&SecretString>, new: Option<&SecretString>) -> bool {
    old.map(ExposeSecret::expose_secret) == new.map(ExposeSecret::expose_secret)
}

fn exposed<'a>((name, value): (&'a String, &'a SecretString)) -> (&'a str, &'a str) {
    (name, value.expose_secret())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_wait_for_a_restart_are_named() {
        let settings = |toml: &str| config::from_toml(toml).unwrap().settings;
        let old = settings("message = 'a'\n[api]\ntoken = 'old'\n[otlp.headers]\nkey = 'old'");
        assert_eq!(pending(&old, &old), [""; 0]);
        let new = settings(
            "message = 'b'\n[api]\ntoken = 'new'\n[otlp.headers]\nkey = 'new'\n[limits]\nbody = '3s'\n\
             [log]\nfilter = 'debug'\n[fanout]\npeers = ['http://a']",
        );
        assert_eq!(pending(&old, &new), ["limits.body", "api.token", "otlp.headers"]);
        assert_eq!(pending(&old, &settings("")), ["api.token", "otlp.headers"]);
    }
}
