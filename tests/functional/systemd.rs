//! Sockets and readiness as the service manager sees them.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
};

use rustix::process::Signal;
use tempfile::tempdir;

use crate::support::{Builder, Uecho, eventually, http, listener};

/// Echoes over a Unix socket; the status line and all that follows.
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
fn ready_comes_first_and_only_when_both_listeners_accept() {
    let mut uecho = Builder::new().no_wait().start();
    uecho.wait_ready();
    // no retry here: a connection must succeed from now on
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
fn inherited_sockets_win_over_addresses_that_cannot_be_bound() {
    // TEST-NET-1 is never ours
    let uecho =
        Uecho::with("public.listen = '192.0.2.1:1'\nops.listen = 'unix:/nonexistent/folder/ops.sock'");
    assert_eq!(uecho.get("/").status, 200);
    assert_eq!(uecho.get_ops("/version").status, 200);
}

#[test]
fn every_inherited_socket_of_a_name_is_served_and_none_is_removed() {
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
fn a_socket_of_another_name_is_said_to_be_ignored() {
    let uecho = Builder::new().inherit("pubilc", listener()).start();
    assert!(uecho.stderr().contains("`pubilc`"), "{}", uecho.stderr());
}

#[test]
fn sockets_for_another_process_are_left_alone() {
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
    // what a rename by another service amounts to
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
fn without_a_service_manager_all_is_well() {
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
