//! Sockets and readiness as the service manager sees them.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    os::unix::net::{UnixDatagram, UnixListener, UnixStream},
    path::Path,
    time::Instant,
};

use rustix::process::Signal;
use tempfile::tempdir;

use crate::support::{Builder, SOON, Uecho, eventually, http, listener, logged, notify::NotifySocket};

/// Sends a request to a Unix socket; gives the whole answer.
pub fn get_unix(path: &Path) -> Option<String> {
    let mut stream = UnixStream::connect(path).ok()?;
    stream
        .write_all(
            b"GET /over-unix HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\nConnection: close\r\n\r\n",
        )
        .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

#[track_caller]
fn echoes_over(path: &Path) {
    let answer = get_unix(path).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("over-unix right back at ya!\n"),
        "{answer}"
    );
}

#[test]
fn ready_is_the_first_message_and_comes_when_both_listeners_accept() {
    let mut uecho = Builder::new().no_wait().start();
    uecho.wait_ready();
    // this does not retry: a connection must succeed from now on
    for address in [uecho.public, uecho.ops] {
        assert_eq!(
            http::request(address, "GET", "/readyz", &[], b"").json(),
            serde_json::json!({"ready": true})
        );
    }
    let lines = uecho.notify.texts();
    assert_eq!(lines[0], "READY=1", "{lines:?}");
    assert_eq!(lines[1], format!("STATUS=serving {}, ops on {}", uecho.public, uecho.ops));
}

#[test]
fn inherited_sockets_override_the_configured_addresses() {
    // TEST-NET-1 never belongs to this machine
    let uecho =
        Uecho::with("public.listen = '192.0.2.1:1'\nops.listen = 'unix:/nonexistent/folder/ops.sock'");
    assert_eq!(uecho.get("/").status, 200);
    assert_eq!(uecho.get_ops("/version").status, 200);
}

#[test]
fn every_inherited_socket_of_a_name_is_served_and_stays() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("public.sock");
    let tcp = listener();
    let second = tcp.local_addr().unwrap();
    let mut uecho =
        Builder::new().inherit("public", UnixListener::bind(&path).unwrap()).inherit("public", tcp).start();
    echoes_over(&path);
    assert_eq!(http::request(second, "GET", "/x", &[], b"").status, 200);
    assert_eq!(uecho.get("/x").status, 200);
    uecho.signal(Signal::TERM);
    assert_eq!(uecho.wait_exit().code(), Some(0));
    assert!(path.exists(), "the socket belongs to the service manager");
}

#[test]
fn a_socket_of_another_name_is_ignored_with_a_warning() {
    let uecho = Builder::new().inherit("pubilc", listener()).start();
    logged(&uecho, "`pubilc`");
}

/// Passes only what `inherit` adds; the service binds its own ops listener on a port that the kernel chooses.
fn bare() -> Builder {
    Builder::new().no_standard_sockets().config("public.listen = '192.0.2.1:1'\nops.listen = '127.0.0.1:0'")
}

#[test]
fn one_socket_without_a_name_is_the_public_one() {
    for name in ["", "unknown", "uecho.socket"] {
        let socket = listener();
        let address = socket.local_addr().unwrap();
        let _uecho = bare().inherit(name, socket).start();
        assert_eq!(http::request(address, "GET", "/x", &[], b"").status, 200, "`{name}`");
    }
    let directory = tempdir().unwrap();
    let [path, ops] = ["unknown.sock", "ops.sock"].map(|name| directory.path().join(name));
    let _uecho = bare()
        .inherit("unknown", UnixListener::bind(&path).unwrap())
        .inherit("ops", UnixListener::bind(&ops).unwrap())
        .start();
    echoes_over(&path);
    assert!(get_unix(&ops).unwrap().starts_with("HTTP/1.1 404"), "ops has no echo");
}

#[track_caller]
fn refused(builder: Builder, why: &str) {
    let mut uecho = builder.no_wait().start();
    assert_eq!(uecho.wait_exit().code(), Some(69), "{}", uecho.stderr());
    assert!(uecho.stderr().contains(why), "{}", uecho.stderr());
}

#[test]
fn ambiguous_sockets_are_refused() {
    refused(bare().inherit("unknown", listener()).inherit("unknown", listener()), "2 of 2 have no name");
    refused(Builder::new().inherit("other.socket", listener()), "must be `public` or `ops`");
    refused(
        bare().inherit("public", listener()).env("LISTEN_FDNAMES", "public:ops"),
        "2 names for 1 sockets",
    );
}

#[test]
fn sockets_that_do_not_listen_are_refused() {
    let directory = tempdir().unwrap();
    let why = "inherited socket 0 (`public`): not a TCP or Unix stream socket that listens";
    let (stream, _other) = UnixStream::pair().unwrap();
    refused(bare().inherit("public", stream), why);
    let server = listener();
    refused(bare().inherit("public", TcpStream::connect(server.local_addr().unwrap()).unwrap()), why);
    refused(bare().inherit("public", UdpSocket::bind("127.0.0.1:0").unwrap()), why);
    refused(bare().inherit("public", UnixDatagram::bind(directory.path().join("datagram")).unwrap()), why);
    refused(bare().inherit("public", std::fs::File::open("/dev/null").unwrap()), why);
    let more = bare().inherit("ops", listener()).env("LISTEN_FDS", "2").env("LISTEN_FDNAMES", "ops:public");
    refused(more, "inherited socket 1 (`public`): not a TCP");
}

#[test]
fn impossible_numbers_of_sockets_are_refused_at_once() {
    for number in ["99999999", "1025", "two", "-1", "", "18446744073709551616"] {
        let begin = Instant::now();
        refused(bare().inherit("public", listener()).env("LISTEN_FDS", number), "LISTEN_FDS is ");
        assert!(begin.elapsed() < SOON / 6, "{number}");
    }
    let most = bare().inherit("public", listener()).env("LISTEN_FDS", "1024");
    refused(most, "LISTEN_FDNAMES has 1 names for 1024 sockets");
    let first = bare().inherit("public", listener()).env("LISTEN_FDS_FIRST_FD", "2147483647");
    refused(first, "LISTEN_FDS_FIRST_FD is `2147483647`");
    let own = Builder::new().no_sockets().env("LISTEN_FDS", "1");
    refused(own.env("LISTEN_PID", "self"), "LISTEN_PID is `self`, which is not a process id");
}

#[test]
fn a_notify_socket_may_be_in_the_abstract_namespace() {
    let socket = NotifySocket::bind_abstract(&format!("uecho-test-{}", std::process::id()));
    let mut uecho = Builder::new().notify(socket).start();
    uecho.signal(Signal::HUP);
    assert!(uecho.notify.wait_for("RELOADING=1"));
    uecho.signal(Signal::TERM);
    assert_eq!(uecho.wait_exit().code(), Some(0));
    assert!(uecho.notify.wait_for("STOPPING=1"));
}

#[test]
fn sockets_for_another_process_are_ignored() {
    let [public, ops] = [listener(), listener()].map(|free: TcpListener| free.local_addr().unwrap());
    let mut uecho = Builder::new()
        .config(&format!("public.listen = '{public}'\nops.listen = '{ops}'"))
        .no_sockets()
        .env("LISTEN_PID", "1")
        .env("LISTEN_FDS", "2")
        .env("LISTEN_FDNAMES", "public:ops")
        .start();
    assert_eq!(http::request(public, "GET", "/x", &[], b"").status, 200);
    assert!(uecho.notify.texts().contains(&format!("STATUS=serving {public}, ops on {ops}")));
}

#[test]
fn configured_unix_sockets_replace_dead_ones_and_are_removed_at_the_end() {
    let directory = tempdir().unwrap();
    let [public, ops] = ["public.sock", "ops.sock"].map(|name| directory.path().join(name));
    drop(UnixListener::bind(&public).unwrap());
    assert!(public.exists());
    let config =
        format!("public.listen = 'unix:{}'\nops.listen = 'unix:{}'", public.display(), ops.display());
    let mut uecho = Builder::new().config(&config).no_sockets().start();
    echoes_over(&public);
    assert!(get_unix(&ops).unwrap().starts_with("HTTP/1.1 404"));
    uecho.signal(Signal::TERM);
    assert_eq!(uecho.wait_exit().code(), Some(0));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is left");
}

#[test]
fn a_successor_on_the_same_path_keeps_its_socket() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("public.sock");
    let config =
        format!("public.listen = 'unix:{}'\nops.listen = '127.0.0.1:0'\ndrain.delay = '1h'", path.display());
    let mut old = Builder::new().config(&config).no_sockets().start();
    // this has the effect of a rename by another service
    std::fs::rename(&path, directory.path().join("aside")).unwrap();
    let new = Builder::new().config(&config).no_sockets().start();
    old.signal(Signal::TERM);
    old.notify.wait_for("STOPPING=1");
    old.signal(Signal::TERM);
    assert_eq!(old.wait_exit().code(), Some(0));
    echoes_over(&path);
    drop(new);
}

#[test]
fn the_service_runs_without_a_service_manager() {
    let [public, ops] = [listener(), listener()].map(|free: TcpListener| free.local_addr().unwrap());
    let mut uecho = Builder::new()
        .config(&format!("public.listen = '{public}'\nops.listen = '{ops}'"))
        .no_sockets()
        .no_wait()
        .env("NOTIFY_SOCKET", "/nonexistent/notify")
        .start();
    eventually("the port opens", || TcpStream::connect(public).is_ok());
    assert_eq!(http::request(public, "GET", "/x", &[], b"").status, 200);
    uecho.signal(Signal::INT);
    assert_eq!(uecho.wait_exit().code(), Some(0));
}
