//! What a program says when it does not log: before it does, at its end, or instead.

use std::{
    fmt::Display,
    io::{self, Write as _},
};

use crate::escape;

/// Writes lines to stderr, each with the name of the program, control characters made visible.
pub fn say(program: &str, text: &str) {
    for line in text.lines() {
        // nothing is left to tell when stderr is closed
        let _ = writeln!(io::stderr(), "{program}: {}", escape::controls(line));
    }
}

/// Says what ended the program: an event for each line, or lines on stderr while nothing is logged yet.
pub fn of_error(program: &str, error: &dyn Display) {
    let text = error.to_string();
    if tracing::dispatcher::has_been_set() {
        for line in text.lines() {
            tracing::error!("{line}");
        }
    } else {
        say(program, &text);
    }
}
