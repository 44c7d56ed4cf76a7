//! Events that standard error does not take are counted, each once; an event that waits for the reader keeps
//! the time at which it happened.

use std::{
    fs::File,
    io::{PipeReader, PipeWriter, Read, Write},
    os::fd::AsFd,
    process::Stdio,
    time::{Duration, SystemTime},
};

use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    process::Signal,
};
use serde_json::Value;

use super::{fail, failing};
use crate::support::{Builder, Uecho, eventually, peer::Dead};

fn logging_to(stderr: impl Into<Stdio>, format: &str) -> Uecho {
    let config = format!("log = {{ access = \"all\", format = \"{format}\" }}");
    Builder::new().config(&config).stderr(stderr).start()
}

#[track_caller]
fn counts_each_loss_once(stderr: impl Into<Stdio>, format: &str) {
    let dead = Dead::new();
    let config = failing(&dead) + &format!("log.format = \"{format}\"");
    let uecho = Builder::new().config(&config).stderr(stderr).start();
    let dropped = || uecho.count("uecho_log_dropped_total");
    eventually("the events of the start are counted", || dropped() > 0);
    let before = dropped();
    for _ in 0..10 {
        fail(&uecho);
    }
    eventually("each loss is counted", || dropped() >= before + 10);
    assert_eq!(dropped(), before + 10);
}

#[test]
fn losses_on_a_full_device_are_counted() {
    for format in ["text", "json"] {
        counts_each_loss_once(File::options().write(true).open("/dev/full").unwrap(), format);
    }
}

#[test]
fn losses_without_a_reader_are_counted() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    counts_each_loss_once(writer, "text");
}

#[test]
fn a_slow_reader_of_a_nonblocking_stream_loses_nothing() {
    let (reader, writer) = full_pipe();
    set_blocking(&writer, false);
    let uecho = logging_to(writer, "json");
    for number in 0..10 {
        assert_eq!(uecho.get(&format!("/slow-{number}")).status, 200);
    }
    let log = read(reader, uecho);
    for number in 0..10 {
        assert_eq!(log.matches(&format!("/slow-{number}\"")).count(), 1, "{number} of {log}");
    }
}

/// A pipe that takes no more bytes until somebody reads.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    set_blocking(&writer, false);
    for size in [4096, 1] {
        while writer.write(&vec![b'\n'; size]).is_ok() {}
    }
    set_blocking(&writer, true);
    (reader, writer)
}

fn set_blocking(pipe: &impl AsFd, blocking: bool) {
    let flags = fcntl_getfl(pipe).unwrap();
    fcntl_setfl(pipe, if blocking { flags - OFlags::NONBLOCK } else { flags | OFlags::NONBLOCK }).unwrap();
}

/// Reads everything that is written until the service has ended.
fn read(mut reader: PipeReader, mut uecho: Uecho) -> String {
    let all = std::thread::spawn(move || {
        let mut log = String::new();
        reader.read_to_string(&mut log).unwrap();
        log
    });
    uecho.signal(Signal::TERM);
    uecho.wait_exit();
    drop(uecho);
    all.join().unwrap()
}

#[test]
fn an_event_that_waits_has_the_time_at_which_it_happened() {
    for format in ["text", "json"] {
        let (reader, writer) = full_pipe();
        let mut uecho = logging_to(writer, format);
        let begin = SystemTime::now();
        assert_eq!(uecho.get("/waits").status, 200);
        uecho.notify.clear();
        uecho.signal(Signal::HUP);
        assert!(uecho.notify.wait_for("READY=1"), "the reload");
        let end = SystemTime::now() + Duration::from_secs(1);
        // the service could not write anything until now
        while SystemTime::now() < end + Duration::from_secs(1) {
            std::thread::park_timeout(Duration::from_millis(100));
        }
        let log = read(reader, uecho);
        for sought in ["/waits\"", "settings reloaded"] {
            let line =
                log.lines().find(|line| line.contains(sought)).unwrap_or_else(|| panic!("{sought}: {log}"));
            let time = match format {
                "json" => {
                    serde_json::from_str::<Value>(line).unwrap()["timestamp"].as_str().unwrap().to_owned()
                }
                _ => line.split(' ').next().unwrap().to_owned(),
            };
            let time = humantime::parse_rfc3339(&time).unwrap();
            assert!(begin <= time && time <= end, "{line}");
        }
    }
}
