//! The service feeds the watchdog only after a correct answer to a request of its own.

use std::{
    io::{Read, Write},
    os::unix::net::UnixListener,
    path::Path,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};
use tempfile::tempdir;

use crate::support::{Builder, Uecho, eventually, http::ClientConnection, logged, pause};

/// 0.6 s, in microseconds.
const WATCHDOG: &str = "600000";

fn watched() -> Builder {
    Builder::new().env("WATCHDOG_USEC", WATCHDOG)
}

/// Waits for this many more pings.
#[track_caller]
fn pings(uecho: &mut Uecho, count: usize) {
    uecho.notify.clear();
    eventually("enough pings", || uecho.notify.count("WATCHDOG=1") >= count);
}

/// How many pings come within a time that is several periods long.
fn pings_in_a_while(uecho: &mut Uecho) -> usize {
    uecho.notify.clear();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(1500) {
        uecho.notify.lines();
        pause();
    }
    uecho.notify.count("WATCHDOG=1")
}

#[test]
fn a_service_that_answers_feeds_the_watchdog_by_real_requests() {
    let mut uecho = watched().start();
    pings(&mut uecho, 3);
    let echoes = "http_server_request_duration_seconds_count{\
        http_request_method=\"GET\",\
        http_response_status_code=\"200\",http_route=\"/{text}\"}";
    assert!(uecho.metric(echoes) >= 3.0, "the requests are real");
    let lines = uecho.notify.texts();
    assert!(!lines.contains(&"STOPPING=1".to_owned()));
}

#[test]
fn a_service_without_free_descriptors_is_not_a_hung_one() {
    let mut uecho = watched().start();
    pings(&mut uecho, 1);
    let few = Some(uecho.count("process_open_fds") as u64 + 4);
    let pid = Pid::from_child(&uecho.child);
    prlimit(Some(pid), Resource::Nofile, Rlimit { current: few, maximum: few }).unwrap();
    let held: Vec<_> = (0..20).map(|_| ClientConnection::open(uecho.public)).collect();
    logged(&uecho, "Too many open files");
    pings(&mut uecho, 3);
    drop(held);
    assert_eq!(uecho.get("/a").status, 200);
}

#[test]
fn the_shortest_idle_time_causes_no_busy_loop() {
    let mut uecho = Builder::new().config("limits.idle = '1ms'").env("WATCHDOG_USEC", "20000000").start();
    // a pause of half the idle time, 0.5 ms, would make thousands of pings
    assert!((1..=150).contains(&pings_in_a_while(&mut uecho)), "{:?}", uecho.notify.lines().len());
}

#[test]
fn a_watchdog_of_another_process_is_not_fed() {
    let mut uecho = watched().env("WATCHDOG_PID", "1").start();
    assert_eq!(pings_in_a_while(&mut uecho), 0);
    let mut uecho = Uecho::with("");
    assert_eq!(pings_in_a_while(&mut uecho), 0, "the service manager did not ask for a watchdog");
}

#[test]
fn a_wrong_answer_does_not_feed_the_watchdog_and_a_correct_one_does() {
    let directory = tempdir().unwrap();
    let [path, aside] = ["public.sock", "aside.sock"].map(|name| directory.path().join(name));
    let mut uecho = watched().inherit("public", UnixListener::bind(&path).unwrap()).start();
    pings(&mut uecho, 1);

    // from now on, the service reaches an impostor that answers 200 to everything
    std::fs::rename(&path, &aside).unwrap();
    impostor(&path);
    logged(&uecho, "self-check failed, the watchdog is not fed");
    assert_eq!(pings_in_a_while(&mut uecho), 0);
    assert_eq!(uecho.get("/readyz").status, 200, "other clients are still answered");

    std::fs::rename(&aside, &path).unwrap();
    pings(&mut uecho, 2);
}

#[test]
fn a_correct_answer_of_another_service_does_not_feed_the_watchdog() {
    let directory = tempdir().unwrap();
    let [path, aside] = ["public.sock", "aside.sock"].map(|name| directory.path().join(name));
    let mut uecho = watched().inherit("public", UnixListener::bind(&path).unwrap()).start();
    pings(&mut uecho, 1);
    std::fs::rename(&path, &aside).unwrap();
    let other = UnixListener::bind(&path).unwrap();
    let _other = Builder::new().config("instance = 'another'").inherit("public", other).start();
    logged(&uecho, "another service answered");
    assert_eq!(pings_in_a_while(&mut uecho), 0);
}

fn impostor(path: &Path) {
    let listener = UnixListener::bind(path).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        }
    });
}

#[test]
fn a_removed_socket_is_no_failure_while_another_listener_works() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("public.sock");
    let mut uecho = watched().inherit("public", UnixListener::bind(&path).unwrap()).start();
    std::fs::remove_file(&path).unwrap();
    pings(&mut uecho, 2);
}

#[test]
fn a_full_service_with_a_token_is_not_a_hung_one() {
    let mut uecho = watched()
        .config("limits.connections = 2\nlimits.in_flight = 1\nlimits.body = '60s'\nlimits.handler = '60s'")
        .credential("api.token", "secret")
        .start();
    pings(&mut uecho, 1);
    let mut clients = [ClientConnection::open(uecho.public), ClientConnection::open(uecho.public)];
    for client in &mut clients {
        client.send(
            b"POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer secret\r\nContent-Length: \
                10\r\n\r\n",
        );
    }
    // the second of them exceeds the limit of requests, is answered, and stays as a connection
    eventually("the limit of connections is reached", || uecho.metric("uecho_connections") >= 2.0);
    let queued = ClientConnection::open(uecho.public);
    pings(&mut uecho, 4);
    drop(queued);
}

#[test]
fn the_watchdog_is_fed_during_a_drain_while_the_listener_is_open() {
    let mut uecho = watched().config("drain.delay = '1h'").start();
    pings(&mut uecho, 1);
    uecho.signal(Signal::TERM);
    assert!(uecho.notify.wait_for("STOPPING=1"));
    pings(&mut uecho, 2);
    uecho.signal(Signal::TERM);
    assert_eq!(uecho.wait_exit().code(), Some(0));
}
