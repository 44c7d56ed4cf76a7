//! The exit codes of a process: 0, 2, 69, 78. A test beside the code that gives 70 proves that one.

use std::os::unix::net::UnixListener;

use rustix::process::Signal;
use tempfile::tempdir;

use crate::support::{Builder, Uecho, listener};

#[track_caller]
fn exits(builder: Builder, code: i32) -> String {
    let mut uecho = builder.no_wait().start();
    assert_eq!(uecho.wait_exit().code(), Some(code), "{}", uecho.stderr());
    assert_eq!(uecho.notify.count("READY=1"), 0);
    uecho.stderr()
}

#[test]
fn a_signal_ends_the_process_with_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut uecho = Uecho::with("");
        uecho.signal(signal);
        assert_eq!(uecho.wait_exit().code(), Some(0));
    }
}

#[test]
fn wrong_usage_ends_with_2() {
    for (args, word) in [
        (&["--no-such-option"][..], "--no-such-option"),
        (&["no-such-command"], "no-such-command"),
        (&["probe", "--count", "0"], "--count"),
        (&["probe", "--timeout", "0s"], "--timeout"),
        (&["probe", "--interval", "soon"], "--interval"),
        (&["probe", "--url", "ftp://a"], "--url"),
    ] {
        let builder = args.iter().fold(Builder::new(), |builder, arg| builder.arg(arg));
        let stderr = exits(builder, 2);
        assert!(stderr.contains(word), "{stderr}");
    }
}

#[test]
fn an_unusable_configuration_ends_with_78_and_says_why() {
    for (config, word) in [
        ("limits.body = 'plenty'", "limits.body"),
        ("unknown = 1", "unknown"),
        ("log.filter = 'loud=='", "log.filter"),
        ("fanout.peers = ['nonsense']", "fanout.peers"),
        ("[", "uecho.toml"),
    ] {
        let stderr = exits(Builder::new().config(config), 78);
        assert!(stderr.contains(word), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "one line: {stderr}");
    }
    let stderr = exits(Builder::new().env("UECHO_CONFIG", "/nonexistent/uecho.toml"), 78);
    assert!(stderr.contains("/nonexistent/uecho.toml"), "{stderr}");
}

#[test]
fn an_address_that_cannot_be_bound_ends_with_69_and_is_named() {
    let taken = listener();
    let address = taken.local_addr().unwrap().to_string();
    let directory = tempdir().unwrap();
    let [live, file] = ["live.sock", "file"].map(|name| directory.path().join(name));
    let _live = UnixListener::bind(&live).unwrap();
    std::fs::write(&file, "precious").unwrap();
    for listen in [
        address,
        format!("unix:{}", live.display()),
        format!("unix:{}", file.display()),
        "unix:/nonexistent/a".into(),
    ] {
        for (section, other) in [("public", "ops"), ("ops", "public")] {
            let config = format!("{section}.listen = '{listen}'\n{other}.listen = '127.0.0.1:0'");
            let stderr = exits(Builder::new().config(&config).no_sockets(), 69);
            assert!(stderr.contains(&listen), "{stderr}");
        }
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
}
