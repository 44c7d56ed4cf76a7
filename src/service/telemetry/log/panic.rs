//! A panic is logged as one event, like every other error.

use uecho_probe::last_words;

use crate::telemetry::log::{output::IDENTIFIER, thread};

/// Replaces the standard hook, which writes several unstructured lines to standard error.
pub(super) fn install_hook() {
    std::panic::set_hook(Box::new(|info| {
        let message = info.payload_as_str().unwrap_or("a payload that is not text");
        let location = info.location().map(ToString::to_string).unwrap_or_default();
        let current = std::thread::current();
        let name = current.name().unwrap_or_default();
        if name == thread::NAME {
            // this is the thread that would write the event
            last_words::say(IDENTIFIER, &format!("the log thread panicked at {location}: {message}"));
        } else {
            tracing::event!(
                target: "uecho::panic",
                tracing::Level::ERROR,
                code.location = location,
                thread.name = name,
                "panic: {message}",
            );
        }
    }));
}
