//! `[fanout]`: what the peers' own check finds, and what it leaves to the configuration.

use crate::config::{
    peers,
    settings::Fanout,
    validate::{Checker, DAY},
};

pub(super) fn check(fanout: &Fanout, checker: &mut Checker<'_>) {
    let wrong = peers::validate(fanout);
    for invalid in &wrong {
        checker.problem(&invalid.key, &invalid.text);
    }
    checker.at_most("fanout.timeout", fanout.timeout, DAY);
    checker.absolute("fanout.ca", fanout.ca.as_deref(), "/etc/ssl/ca.pem");
    if let Some(token) = fanout.token.as_ref().filter(|_| wrong.iter().all(|it| it.key != "fanout.token")) {
        checker.token("fanout.token", token);
    }
}
