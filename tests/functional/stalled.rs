//! Many slow and silent clients, and a process without free file descriptors: good clients are not disturbed,
//! and no loop is busy.

use std::{
    fs,
    io::Write as _,
    net::TcpStream,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};

use crate::support::{Uecho, eventually, http::ClientConnection, logged, pause};

const STALLED: usize = 2000;

/// The bytes after which a client gets stuck.
const BEGINNINGS: [&str; 5] = [
    "",
    "GET /a",
    "GET /a HTTP/1.1\r\nHost: a\r\nX-Slow: ",
    "POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhello",
    "PRI * HTTP/2.0\r\n\r\nSM",
];

/// Raises the limit of open files to what the administrator allows, for this process and the services it
/// starts.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
}

/// The CPU time that the service has used so far.
fn cpu(uecho: &Uecho) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", uecho.child.id())).unwrap();
    let after_name = stat.rsplit(')').next().unwrap();
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

#[test]
fn two_thousand_stalled_clients_disturb_no_other_and_are_disconnected() {
    raise_file_limit();
    let uecho = Uecho::with("[limits]\nin_flight = 500\nfirst_byte = \"4s\"\nheader = \"4s\"\nbody = \"4s\"");
    let mut kept = ClientConnection::open(uecho.public);
    kept.send(b"GET /good HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(kept.answer().unwrap().status, 200);
    let stalled: Vec<TcpStream> = (0..STALLED)
        .map(|index| {
            let mut stream = TcpStream::connect(uecho.public).unwrap();
            stream.write_all(BEGINNINGS[index % BEGINNINGS.len()].as_bytes()).unwrap();
            stream
        })
        .collect();
    for _ in 0..100 {
        kept.send(b"GET /good HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(kept.answer().unwrap().status, 200);
        assert_eq!(uecho.get("/good").status, 200);
    }
    let closed = |reason: &str| format!("uecho_connections_closed_total{{reason=\"{reason}\"}}");
    eventually("all but the good one are gone", || uecho.count("uecho_connections") <= 1);
    uecho.comes_to(&closed("first_byte"), STALLED / 5);
    // an incomplete header, or an incomplete HTTP/2 preface
    uecho.comes_to(&closed("header"), 3 * STALLED / 5);
    drop(stalled);
}

#[test]
fn silent_clients_cost_no_cpu() {
    raise_file_limit();
    let uecho = Uecho::with("[limits]\nfirst_byte = \"60s\"");
    let _silent: Vec<_> = (0..STALLED).map(|_| TcpStream::connect(uecho.public).unwrap()).collect();
    eventually("they are accepted", || uecho.count("uecho_connections") == STALLED);
    let used = cpu_during(&uecho, Duration::from_secs(2));
    assert!(used < Duration::from_millis(200), "{used:?} of CPU in two seconds");
}

#[test]
fn without_file_descriptors_the_service_waits_and_recovers() {
    let uecho = Uecho::with("[limits]\nfirst_byte = \"60s\"");
    let mut kept = ClientConnection::open(uecho.public);
    kept.send(b"GET /good HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(kept.answer().unwrap().status, 200);
    let used = fs::read_dir(format!("/proc/{}/fd", uecho.child.id())).unwrap().count();
    let limit = Rlimit { current: Some(used as u64 + 4), maximum: Some(4096) };
    prlimit(Some(Pid::from_child(&uecho.child)), Resource::Nofile, limit).unwrap();

    let held: Vec<_> = (0..50).map(|_| TcpStream::connect(uecho.public).unwrap()).collect();
    assert!(kept.closed(), "an idle connection makes room for those that wait");
    let used = cpu_during(&uecho, Duration::from_secs(1));
    assert!(used < Duration::from_millis(200), "{used:?} of CPU in a second of waiting");
    logged(&uecho, "cannot accept connections");

    drop(held);
    assert_eq!(uecho.get("/good").status, 200, "when descriptors are free again");
}

fn cpu_during(uecho: &Uecho, time: Duration) -> Duration {
    let before = cpu(uecho);
    let begin = Instant::now();
    while begin.elapsed() < time {
        pause();
    }
    cpu(uecho).saturating_sub(before)
}
