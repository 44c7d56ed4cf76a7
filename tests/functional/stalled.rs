//! Slow and silent clients in numbers, and a process out of file descriptors: good clients do not notice, and
//! nothing spins.

use std::{
    fs,
    io::Write as _,
    net::TcpStream,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};

use crate::support::{Uecho, eventually, http::ClientConnection, pause};

const STALLED: usize = 2000;

/// What a client may get stuck after.
const BEGINNINGS: [&str; 5] = [
    "",
    "GET /a",
    "GET /a HTTP/1.1\r\nHost: a\r\nX-Slow: ",
    "POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhello",
    "PRI * HTTP/2.0\r\n\r\nSM",
];

/// As many files as the administrator allows, for this process and the services it starts.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
}

/// CPU time the service has used so far.
fn cpu(uecho: &Uecho) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", uecho.child.id())).unwrap();
    let after_name = stat.rsplit(')').next().unwrap();
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

#[test]
fn two_thousand_stalled_clients_disturb_nobody_and_are_let_go() {
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
    // an incomplete header, or HTTP/2 preface
    uecho.comes_to(&closed("header"), 3 * STALLED / 5);
    drop(stalled);
}

#[test]
fn silence_costs_nothing() {
    raise_file_limit();
    let uecho = Uecho::with("[limits]\nfirst_byte = \"60s\"");
    let _silent: Vec<_> = (0..STALLED).map(|_| TcpStream::connect(uecho.public).unwrap()).collect();
    eventually("they are accepted", || uecho.count("uecho_connections") == STALLED);
    let used = cpu_during(&uecho, Duration::from_secs(2));
    assert!(used < Duration::from_millis(200), "{used:?} of CPU in two seconds");
}

#[test]
fn out_of_file_descriptors_it_waits_and_recovers() {
    let uecho = Uecho::with("[limits]\nfirst_byte = \"60s\"");
    let mut kept = ClientConnection::open(uecho.public);
    kept.send(b"GET /good HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(kept.answer().unwrap().status, 200);
    let used = fs::read_dir(format!("/proc/{}/fd", uecho.child.id())).unwrap().count();
    let limit = Rlimit { current: Some(used as u64 + 4), maximum: Some(4096) };
    prlimit(Some(Pid::from_child(&uecho.child)), Resource::Nofile, limit).unwrap();

    let held: Vec<_> = (0..50).map(|_| TcpStream::connect(uecho.public).unwrap()).collect();
    assert!(kept.closed(), "an idle connection is given up for those who wait");
    let used = cpu_during(&uecho, Duration::from_secs(1));
    assert!(used < Duration::from_millis(200), "{used:?} of CPU in a second of waiting");
    assert!(uecho.stderr().contains("cannot accept connections"), "{}", uecho.stderr());

    drop(held);
    assert_eq!(uecho.get("/good").status, 200, "once descriptors are free again");
}

fn cpu_during(uecho: &Uecho, time: Duration) -> Duration {
    let before = cpu(uecho);
    let begin = Instant::now();
    while begin.elapsed() < time {
        pause();
    }
    cpu(uecho).saturating_sub(before)
}
