//! What a program says when it does not log: before logging starts, at its end, or instead of it.

use std::{
    fmt::Display,
    io::{self, Write as _},
};

use crate::escape;

/// Writes lines to standard error, each with the name of the program, control characters made visible.
pub fn say(program: &str, text: &str) {
    for line in text.lines() {
        // if standard error is closed, nobody reads the line
        let _ = writeln!(io::stderr(), "{program}: {}", escape::controls(line));
    }
}

/// Says what ended the program: logs an event for each line, or writes the lines to standard error before
/// logging has started.
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
