//! What a deployment says to the human who watches it.

use std::fmt::Display;

use uecho_probe::last_words;

/// Writes a line to standard error, where the output of nix and ssh goes, too.
pub(crate) fn say(text: impl Display) {
    last_words::say("deploy", &text.to_string());
}
