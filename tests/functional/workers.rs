//! Many threads, one service: connections are shared out, and what is counted or limited is so for all of
//! them.

use std::{
    collections::BTreeSet,
    fs,
    net::{SocketAddr, TcpStream},
    num::NonZeroUsize,
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    time::Duration,
};

use rustix::process::Signal;
use tempfile::tempdir;

use crate::support::{Builder, Uecho, eventually, http::ClientConnection};

const WORKERS: usize = 4;
const REQUEST: &[u8] = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
const HEAD: &[u8] = b"POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n";

fn four() -> Builder {
    Builder::new().env("UECHO_WORKERS", WORKERS.to_string())
}

fn proc(uecho: &Uecho, directory: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(format!("/proc/{}/{directory}", uecho.child.id())).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn descriptors(uecho: &Uecho) -> BTreeSet<String> {
    let names = proc(uecho, "fd").into_iter();
    names.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

/// How many of the descriptors that are not among those of `before` each epoll instance watches, one instance
/// a worker: proc(5). A runtime has two descriptors for its instance, which show the same.
fn shares(uecho: &Uecho, before: &BTreeSet<String>) -> Vec<usize> {
    let infos = proc(uecho, "fdinfo").into_iter().filter_map(|path| fs::read_to_string(path).ok());
    let watched = infos.map(|info| {
        let files = info.lines().filter_map(|line| line.strip_prefix("tfd:")?.split_whitespace().next());
        let new = files.filter(|file| !before.contains(*file));
        new.map(str::to_owned).collect::<BTreeSet<_>>()
    });
    let instances: BTreeSet<_> = watched.filter(|files| !files.is_empty()).collect();
    instances.iter().map(BTreeSet::len).collect()
}

/// Opens 64 connections, and looks how they are shared out.
#[track_caller]
fn is_balanced<C>(uecho: &Uecho, mut open: impl FnMut() -> C) {
    const CONNECTIONS: usize = 64;
    let before = descriptors(uecho);
    let _held: Vec<C> = (0..CONNECTIONS).map(|_| open()).collect();
    eventually("all are served", || shares(uecho, &before).iter().sum::<usize>() == CONNECTIONS);
    let shares = shares(uecho, &before);
    let most = CONNECTIONS / WORKERS * 3 / 2;
    assert!(shares.len() == WORKERS && shares.iter().all(|share| *share <= most), "{shares:?}");
}

fn free_address() -> SocketAddr {
    crate::support::listener().local_addr().unwrap()
}

#[test]
fn connections_to_a_tcp_listener_of_our_own_are_shared_out() {
    let [public, ops] = [free_address(), free_address()];
    let uecho =
        four().no_sockets().config(&format!("public.listen = '{public}'\nops.listen = '{ops}'")).start();
    is_balanced(&uecho, || TcpStream::connect(public).unwrap());
}

#[test]
fn connections_to_a_unix_listener_of_our_own_are_shared_out() {
    let directory = tempdir().unwrap();
    let [public, ops] = ["public", "ops"].map(|name| directory.path().join(name));
    let config =
        format!("public.listen = 'unix:{}'\nops.listen = 'unix:{}'", public.display(), ops.display());
    let uecho = four().no_sockets().config(&config).start();
    is_balanced(&uecho, || UnixStream::connect(&public).unwrap());
}

#[test]
fn connections_to_inherited_listeners_are_shared_out() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("public");
    let uecho = four().inherit("public", UnixListener::bind(&path).unwrap()).start();
    is_balanced(&uecho, || UnixStream::connect(&path).unwrap());
    // another, none of whose descriptors is about to be closed and used again
    let uecho = four().start();
    is_balanced(&uecho, || TcpStream::connect(uecho.public).unwrap());
}

#[test]
fn connections_that_come_one_after_the_other_go_to_one_worker_after_the_other() {
    let uecho = four().start();
    let before = descriptors(&uecho);
    // each goes before the next comes, but for every fifth: with the first worker always preferred, all of
    // these would be one worker's
    let mut kept = Vec::new();
    for number in 0..5 * WORKERS {
        let connection = TcpStream::connect(uecho.public).unwrap();
        eventually("it is counted", || uecho.count("uecho_connections") == kept.len() + 1);
        if number % 5 == 0 {
            kept.push(connection);
        } else {
            drop(connection);
            eventually("it is gone", || uecho.count("uecho_connections") == kept.len());
        }
    }
    eventually("one is left to each", || shares(&uecho, &before) == [1; WORKERS]);
}

/// Connections that are one worker's each, every one of them answered.
fn one_each(uecho: &Uecho) -> Vec<ClientConnection> {
    let mut connections: Vec<_> = (0..WORKERS).map(|_| ClientConnection::open(uecho.public)).collect();
    for connection in &mut connections {
        connection.send(REQUEST);
        assert_eq!(connection.answer().unwrap().status, 200);
    }
    connections
}

#[test]
fn the_longest_idle_of_all_makes_room_whoever_serves_it() {
    let uecho = four().config("limits.connections = 5").start();
    let mut connections = one_each(&uecho);
    // the last to be opened is the first to fall idle for good
    connections.reverse();
    for connection in &mut connections {
        std::thread::park_timeout(Duration::from_millis(250));
        connection.send(REQUEST);
        assert_eq!(connection.answer().unwrap().status, 200);
    }
    let mut busy = Vec::new();
    for idle in &mut connections {
        let mut newcomer = ClientConnection::open(uecho.public);
        newcomer.send(b"GET /a HTTP/1.1\r\n");
        assert!(idle.closed());
        busy.push(newcomer);
        eventually("it has been replaced", || uecho.count("uecho_connections") == WORKERS);
    }
    for connection in &mut busy {
        connection.send(b"Host: a\r\n\r\n");
        assert_eq!(connection.answer().unwrap().status, 200);
    }
}

#[test]
fn requests_in_flight_are_limited_together() {
    let uecho = four().config("limits.in_flight = 3").start();
    let mut connections = one_each(&uecho);
    let mut fourth = connections.pop().unwrap();
    for (number, connection) in connections.iter_mut().enumerate() {
        connection.send(HEAD);
        eventually("it is in flight", || uecho.count("http_server_active_requests") == number + 1);
    }
    fourth.send(REQUEST);
    assert_eq!(fourth.answer().unwrap().status, 503);
    let mut first = connections.pop().unwrap();
    first.send(b"ok");
    assert_eq!(first.answer().unwrap().status, 200);
    eventually("there is room", || uecho.count("http_server_active_requests") == 2);
    fourth.send(REQUEST);
    assert_eq!(fourth.answer().unwrap().status, 200, "what another worker gave back");
}

#[test]
fn metrics_are_those_of_all_workers() {
    let uecho = four().start();
    let mut connections = one_each(&uecho);
    for (number, connection) in connections.iter_mut().enumerate() {
        for _ in 0..number {
            connection.send(REQUEST);
            assert_eq!(connection.answer().unwrap().status, 200);
        }
    }
    let count = "http_server_request_duration_seconds_count{http_request_method=\"GET\",\
                 http_response_status_code=\"200\",http_route=\"/{text}\"}";
    uecho.comes_to(count, WORKERS + (0..WORKERS).sum::<usize>());
    uecho.comes_to("uecho_connections", WORKERS);
    let text = uecho.get_ops("/metrics").text();
    assert_eq!(text.matches("# TYPE http_server_request_duration_seconds ").count(), 1);
}

#[test]
fn a_drain_loses_nothing_on_any_worker() {
    const EACH: usize = 4;
    let mut uecho = four().start();
    let mut connections: Vec<_> = (0..EACH).flat_map(|_| one_each(&uecho)).collect();
    for connection in &mut connections {
        connection.send(HEAD);
    }
    eventually("all are in flight", || uecho.count("http_server_active_requests") == EACH * WORKERS);
    uecho.signal(Signal::TERM);
    eventually("it stops", || uecho.stderr().contains("SIGTERM: stopping"));
    for connection in &mut connections {
        connection.send(b"ok");
        let answer = connection.answer().unwrap();
        assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
        assert!(connection.closed());
    }
    assert_eq!(uecho.wait_exit().code(), Some(0));
    assert!(uecho.stderr().contains("16 requests in flight, 16 finished, 0 cut"), "{}", uecho.stderr());
}

#[test]
fn there_is_a_worker_for_each_cpu_unless_a_number_is_given() {
    let threads = |uecho: &Uecho| {
        let names =
            proc(uecho, "task").into_iter().map(|task| fs::read_to_string(task.join("comm")).unwrap());
        names.filter(|name| name.starts_with("worker ")).count()
    };
    assert_eq!(threads(&four().start()), WORKERS - 1, "the main thread is one of them");
    let cpus = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    assert_eq!(threads(&four().env("UECHO_WORKERS", "auto").start()), cpus - 1);
}

#[test]
fn a_number_of_workers_that_cannot_be_is_refused() {
    for wrong in ["0", "-1", "1025", "2.5", "many", "", "true"] {
        let mut uecho = four().env("UECHO_WORKERS", wrong).no_wait().start();
        assert_eq!(uecho.wait_exit().code(), Some(78), "{wrong}");
        let stderr = uecho.stderr();
        assert!(
            stderr.contains("workers") && stderr.contains("\"auto\" or a number from 1 to 1024"),
            "{stderr}"
        );
    }
}
