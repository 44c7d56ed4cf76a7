//! Many threads, one service: the connections are distributed among them, and every count and limit is one
//! for all of them.

use std::{
    collections::BTreeSet,
    fs,
    net::{SocketAddr, TcpStream},
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    thread::available_parallelism,
    time::Duration,
};

use rustix::{
    process::Signal,
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};
use tempfile::tempdir;

use crate::support::{Builder, Uecho, eventually, http::ClientConnection, logged, mounts::namespaces};

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

/// For each epoll instance, which is one a worker: how many of the descriptors that are not in `before` it
/// watches (proc(5)). A runtime has two descriptors for its instance, which show the same.
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

/// Opens 64 connections, and checks how they are distributed.
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
fn connections_to_a_tcp_listener_of_our_own_are_distributed() {
    let [public, ops] = [free_address(), free_address()];
    let uecho =
        four().no_sockets().config(&format!("public.listen = '{public}'\nops.listen = '{ops}'")).start();
    is_balanced(&uecho, || TcpStream::connect(public).unwrap());
}

#[test]
fn connections_to_a_unix_listener_of_our_own_are_distributed() {
    let directory = tempdir().unwrap();
    let [public, ops] = ["public", "ops"].map(|name| directory.path().join(name));
    let config =
        format!("public.listen = 'unix:{}'\nops.listen = 'unix:{}'", public.display(), ops.display());
    let uecho = four().no_sockets().config(&config).start();
    is_balanced(&uecho, || UnixStream::connect(&public).unwrap());
}

#[test]
fn connections_to_inherited_listeners_are_distributed() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("public");
    let uecho = four().inherit("public", UnixListener::bind(&path).unwrap()).start();
    is_balanced(&uecho, || UnixStream::connect(&path).unwrap());
    // this is another service, because none of its descriptors is about to be closed and used again
    let uecho = four().start();
    is_balanced(&uecho, || TcpStream::connect(uecho.public).unwrap());
}

#[test]
fn connections_in_sequence_go_to_the_workers_in_turn() {
    let uecho = four().start();
    let before = descriptors(&uecho);
    // each connection ends before the next comes, except every fifth: if the first worker were always
    // preferred, it would have all of these
    let mut kept = Vec::new();
    for number in 0..5 * WORKERS {
        let connection = TcpStream::connect(uecho.public).unwrap();
        eventually("the connection is counted", || uecho.count("uecho_connections") == kept.len() + 1);
        if number % 5 == 0 {
            kept.push(connection);
        } else {
            drop(connection);
            eventually("the connection is closed", || uecho.count("uecho_connections") == kept.len());
        }
    }
    eventually("each worker has one left", || shares(&uecho, &before) == [1; WORKERS]);
}

/// Connections to each worker, each of which was answered.
fn one_each(uecho: &Uecho) -> Vec<ClientConnection> {
    let mut connections: Vec<_> = (0..WORKERS).map(|_| ClientConnection::open(uecho.public)).collect();
    for connection in &mut connections {
        connection.send(REQUEST);
        assert_eq!(connection.answer().unwrap().status, 200);
    }
    connections
}

#[test]
fn the_connection_idle_for_longest_makes_room_whichever_worker_serves_it() {
    let uecho = four().config("limits.connections = 5").start();
    let mut connections = one_each(&uecho);
    // the connection opened last becomes idle first
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
        eventually("the connection has been replaced", || uecho.count("uecho_connections") == WORKERS);
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
    assert_eq!(fourth.answer().unwrap().status, 200, "the worker uses a permit that another gave back");
}

#[test]
fn metrics_are_the_sums_of_all_workers() {
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
    logged(&uecho, "SIGTERM: stopping");
    for connection in &mut connections {
        connection.send(b"ok");
        let answer = connection.answer().unwrap();
        assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
        assert!(connection.closed());
    }
    assert_eq!(uecho.wait_exit().code(), Some(0));
    assert!(uecho.stderr().contains("16 requests in flight, 16 finished, 0 cut"), "{}", uecho.stderr());
}

fn threads(uecho: &Uecho) -> usize {
    let names = proc(uecho, "task").into_iter().map(|task| fs::read_to_string(task.join("comm")).unwrap());
    // the main thread is one of the workers
    1 + names.filter(|name| name.starts_with("worker ")).count()
}

fn auto() -> Builder {
    Builder::new().env("UECHO_WORKERS", "auto")
}

#[test]
fn a_number_of_workers_is_taken_at_its_word() {
    assert_eq!(threads(&four().start()), WORKERS);
}

/// On a machine of one CPU this cannot fail.
#[test]
fn there_is_a_worker_for_each_cpu_that_the_affinity_allows() {
    let most = available_parallelism().unwrap().get();
    let all = sched_getaffinity(None).unwrap();
    let allowed: Vec<_> = (0..CpuSet::MAX_CPU).filter(|cpu| all.is_set(*cpu)).collect();
    for count in 1..=allowed.len().min(4) {
        let mut some = CpuSet::new();
        allowed[..count].iter().for_each(|cpu| some.set(*cpu));
        // of this thread alone; a child has that of the thread that starts it
        sched_setaffinity(None, &some).unwrap();
        let uecho = auto().start();
        sched_setaffinity(None, &all).unwrap();
        assert_eq!(threads(&uecho), count.min(most), "{count} of {} CPUs", allowed.len());
    }
}

/// A control group as cgroup v2 shows it, with a quota of so many CPUs. On a machine of one CPU this cannot
/// fail.
#[test]
fn there_is_a_worker_for_each_whole_cpu_of_the_quota() {
    const MOUNT: &str =
        "mount --bind \"$0/cgroup\" /sys/fs/cgroup && mount --bind \"$0/self\" /proc/$$/cgroup";
    if !namespaces() {
        return;
    }
    let most = available_parallelism().unwrap().get();
    let directory = tempdir().unwrap();
    let group = directory.path().join("cgroup/system.slice/uecho.service");
    fs::create_dir_all(&group).unwrap();
    fs::write(directory.path().join("self"), "0::/system.slice/uecho.service\n").unwrap();
    fs::write(group.join("cgroup.controllers"), "cpu memory pids\n").unwrap();
    for (quota, workers) in [("max", most), ("100000", 1), ("50000", 1), ("200000", most.min(2))] {
        fs::write(group.join("cpu.max"), format!("{quota} 100000\n")).unwrap();
        assert_eq!(threads(&auto().mounts(MOUNT, directory.path()).start()), workers, "{quota}");
    }
}

#[test]
fn an_impossible_number_of_workers_is_refused() {
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
