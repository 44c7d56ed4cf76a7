//! The sections of the manual pages that the command line does not contain.

use uecho::config::DEFAULT_FILE;
use uecho_probe::exit;

use crate::man::Section;

/// The sections of uecho(1).
pub(crate) fn uecho() -> Vec<Section> {
    let code = |code: u8, meaning: &str| (code.to_string(), meaning.to_owned());
    vec![
        Section {
            title: "EXIT STATUS",
            terms: vec![
                code(0, "Clean end; probe: healthy."),
                code(1, "Probe: unhealthy."),
                code(exit::USAGE, "The command line is wrong."),
                code(exit::UNAVAILABLE, "A listener cannot be bound."),
                code(exit::SOFTWARE, "A background task died."),
                code(exit::CANNOT_CREATE, "Probe: the file of --textfile cannot be written."),
                code(exit::CONFIG, "The configuration cannot be used. systemd does not restart on it."),
            ],
        },
        Section {
            title: "SIGNALS",
            terms: terms(&[
                (
                    "SIGHUP",
                    "Read the settings again: message, system, current_system, log.filter and fanout.* take \
                     effect at once, others wait for a restart. A bad file changes nothing and is \
                     logged.",
                ),
                (
                    "SIGTERM, SIGINT",
                    "Drain: /readyz turns 503 at once, after drain.delay the public listener closes, \
                     requests in flight finish within drain.deadline. A second signal ends it at once.",
                ),
            ]),
        },
        Section {
            title: "ENVIRONMENT",
            terms: terms(&[
                (
                    "UECHO_SECTION__KEY, UECHO_KEY",
                    "A setting; it overrides those of files: UECHO_LIMITS__IDLE=1m, \
                     UECHO_FANOUT__PEERS='[\"http://a:8080\"]'. See uecho.toml(5).",
                ),
                ("UECHO_CONFIG", "File to read when there is no --config; if empty, no file."),
                (
                    "CREDENTIALS_DIRECTORY",
                    "Directory of systemd credentials; files named section.key are settings and \
                     override all others.",
                ),
                (
                    "LISTEN_FDS, LISTEN_FDNAMES",
                    "Inherited sockets; those named public and ops override the configured addresses.",
                ),
                ("NOTIFY_SOCKET, WATCHDOG_USEC", "Readiness, status and watchdog, see sd_notify(3)."),
                (
                    "JOURNAL_STREAM",
                    "Set by systemd when stderr is the journal: events are sent to it with their fields.",
                ),
                (
                    "OTEL_EXPORTER_OTLP_*, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER",
                    "As OpenTelemetry defines them, where otlp.* is not set.",
                ),
            ]),
        },
        Section {
            title: "FILES",
            terms: terms(&[(DEFAULT_FILE, "Settings, when neither --config nor UECHO_CONFIG names a file.")]),
        },
        Section {
            title: "SEE ALSO",
            terms: terms(&[
                ("uecho.toml(5)", "all settings"),
                ("uecho-check-config(1), uecho-probe(1)", "the other commands"),
            ]),
        },
    ]
}

/// The sections of uecho-guard(1), whose exit codes are in its help.
pub(crate) fn uecho_guard() -> Vec<Section> {
    vec![
        Section {
            title: "FILES",
            terms: terms(&[
                ("/etc/uecho/guard.toml", "Settings, when there is no --config."),
                ("/var/lib/uecho-guard", "The blessed and the quarantined versions, and the reasons."),
                ("/run/uecho-guard/metrics.prom", "The state in the Prometheus text format."),
            ]),
        },
        Section { title: "SEE ALSO", terms: terms(&[("uecho-probe(1)", "the check the guard relies on")]) },
    ]
}

/// The sections of uecho-deploy(1), whose exit codes are in its help.
pub(crate) fn uecho_deploy() -> Vec<Section> {
    vec![
        Section {
            title: "ENVIRONMENT",
            terms: terms(&[
                ("NIX_SSHOPTS", "Further options for ssh, split into words as Nix does it."),
                ("NIX_CONFIG", "Settings of Nix, see nix.conf(5)."),
            ]),
        },
        Section {
            title: "SEE ALSO",
            terms: terms(&[
                ("uecho-guard(1)", "who gives the verdict"),
                ("uecho-probe(1)", "the check from outside"),
            ]),
        },
    ]
}

/// The sections of uecho-pull(1), whose exit codes are in its help.
pub(crate) fn uecho_pull() -> Vec<Section> {
    vec![
        Section {
            title: "FILES",
            terms: terms(&[
                ("/etc/uecho/pull.toml", "Settings, when there is no --config."),
                ("/var/lib/uecho-pull/memory.json", "The newest release that was accepted."),
                ("/run/uecho-pull/metrics.prom", "The state in the Prometheus text format."),
            ]),
        },
        Section {
            title: "SEE ALSO",
            terms: terms(&[
                ("uecho-guard(1)", "who gives the verdict"),
                ("ssh-keygen(1)", "who signs, and who checks it"),
            ]),
        },
    ]
}

fn terms(terms: &[(&str, &str)]) -> Vec<(String, String)> {
    terms.iter().map(|(term, meaning)| ((*term).to_owned(), (*meaning).to_owned())).collect()
}
