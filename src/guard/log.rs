//! Where the guard's events go: to the journal if stderr is the journal, otherwise to stderr as text, one
//! line for each event.

use std::io;

use tracing::Subscriber;
use tracing_subscriber::{
    Layer, Registry, filter::LevelFilter, fmt, layer::SubscriberExt as _, registry::LookupSpan,
};
use uecho_probe::{escape::Lines, journal};

/// `SYSLOG_IDENTIFIER`
pub(crate) const IDENTIFIER: &str = "uecho-guard";

/// Installs the subscriber of the process. If the journal cannot be reached, events go to stderr.
pub(crate) fn start() {
    let layer = match journal::is_stderr().then(|| journal::layer(IDENTIFIER)) {
        Some(Ok(journal)) => journal.boxed(),
        _ => text(io::stderr).boxed(),
    };
    let subscriber = Registry::default().with(LevelFilter::INFO).with(layer);
    // an error means that a test in this process has installed one before
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Formats events as text without colours and control characters.
fn text<S, W>(writer: impl Fn() -> W + Send + Sync + 'static) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: io::Write + 'static,
{
    fmt::layer().with_ansi(false).with_writer(move || Lines(writer()))
}

#[cfg(test)]
mod tests {
    use std::fs::{File, read_to_string};

    use super::*;

    #[test]
    fn an_event_on_stderr_is_one_line_without_control_characters() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_owned();
        let appended = move || File::options().append(true).open(&path).unwrap();
        tracing::subscriber::with_default(Registry::default().with(text(appended)), || {
            tracing::error!(event = "refused", reason = "a\nb\u{1b}[2J", "cut\u{9b}1m\r\nMESSAGE=forged");
            tracing::info!("next");
        });
        let text = read_to_string(file.path()).unwrap();
        let [first, second] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
        for part in [" ERROR ", "\\r\\nMESSAGE=forged", "event=\"refused\"", "reason=\"a\\nb"] {
            assert!(first.contains(part), "{part} in {first}");
        }
        assert!(second.contains(" INFO ") && second.ends_with(" next"), "{second}");
    }
}
