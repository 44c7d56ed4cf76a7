//! The drain: the service is not ready at once, still accepts for a while, cuts no request before the
//! deadline, and reports at the end.

mod load;

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    time::{Duration, Instant},
};

use load::{Load, Manner};
use rustix::process::Signal;
use serde_json::Value;
use socket2::{SockFilter, SockRef};

use crate::support::{
    Builder, Uecho, eventually, http, http::ClientConnection, listener, pause, peer::sleep,
};

const UPLOAD: &[u8] = b"POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nha";
const GET: &[u8] = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
const LIMITS: &str = "log.format = 'json'\nlimits.body = '60s'\nlimits.handler = '60s'\n";

/// Who holds the listeners.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Listeners {
    /// The service manager, which keeps them open when the service has ended.
    Inherited,
    /// The service itself.
    Own,
}

const BOTH: [Listeners; 2] = [Listeners::Inherited, Listeners::Own];

/// A service, and the public listener that the service manager holds.
struct Service {
    uecho: Uecho,
    held: Option<TcpListener>,
}

impl Service {
    #[track_caller]
    fn start(listeners: Listeners, config: &str) -> Self {
        let held = (listeners == Listeners::Inherited).then(listener);
        Self::on(held, config)
    }

    #[track_caller]
    fn on(held: Option<TcpListener>, config: &str) -> Self {
        let builder = Builder::new().config(LIMITS).config(config);
        let Some(listener) = held else {
            let any = "127.0.0.1:0";
            let own = builder.no_sockets().env("UECHO_PUBLIC__LISTEN", any).env("UECHO_OPS__LISTEN", any);
            let mut uecho = own.start();
            let bound = bound(&uecho.notify.texts());
            [uecho.public, uecho.ops] = bound;
            return Self { uecho, held: None };
        };
        Self { uecho: builder.public(listener.try_clone().unwrap()).start(), held: Some(listener) }
    }

    /// Ends the load and gives the requests that were lost. A successor takes over an inherited listener; a
    /// client that comes to a listener of the service's own is refused.
    #[track_caller]
    fn lost(self, load: Load) -> Vec<String> {
        match self.held {
            None => load.refused().into_iter().skip(unavoidable()).collect(),
            held => {
                let _successor = Self::on(held, "");
                load.more();
                load.stop()
            }
        }
    }
}

/// How many requests may be lost because the kernel does not let us stop new connections before a listener of
/// our own is closed: those that come in that moment. None where it does, as it does for root.
fn unavoidable() -> usize {
    let any = SockFilter::new(0x06, 0, 0, u32::MAX);
    match SockRef::from(&listener()).attach_filter(&[any]) {
        Ok(()) => 0,
        Err(error) => {
            assert!(!rustix::process::geteuid().is_root(), "{error}");
            2
        }
    }
}

/// The addresses in the status.
#[track_caller]
fn bound(texts: &[String]) -> [SocketAddr; 2] {
    let addresses = texts.iter().find_map(|text| text.strip_prefix("STATUS=serving "));
    let (public, ops) = addresses.unwrap().split_once(", ops on ").unwrap();
    [public, ops].map(|address| address.parse().unwrap())
}

/// Sends a request whose head is complete and whose body is not.
#[track_caller]
fn upload(uecho: &Uecho) -> ClientConnection {
    let mut connection = ClientConnection::open(uecho.public);
    connection.send(UPLOAD);
    eventually("the request is in flight", || uecho.metric("http_server_active_requests") >= 1.0);
    connection
}

/// The only event of target `uecho::drain`.
#[track_caller]
fn report(uecho: &Uecho) -> Value {
    let stderr = uecho.stderr();
    let reports: Vec<Value> = stderr
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|event| event["target"] == "uecho::drain")
        .collect();
    assert_eq!(reports.len(), 1, "{stderr}");
    reports[0].clone()
}

#[track_caller]
fn stop(uecho: &mut Uecho) {
    uecho.signal(Signal::TERM);
    assert!(uecho.notify.wait_for("STOPPING=1"));
}

#[test]
fn first_unready_then_closed_and_requests_in_flight_are_answered_whole() {
    for listeners in BOTH {
        let Service { mut uecho, held } = Service::start(listeners, "drain.delay = '3s'");
        drop(held);
        let mut upload = upload(&uecho);
        let begin = Instant::now();
        stop(&mut uecho);

        for address in [uecho.public, uecho.ops] {
            let readyz = http::request(address, "GET", "/readyz", &[], b"");
            assert_eq!(readyz.status, 503);
            assert_eq!(readyz.json(), serde_json::json!({"ready": false, "reasons": ["draining"]}));
        }
        let healthz = http::request(uecho.ops, "GET", "/healthz", &[], b"");
        assert_eq!(healthz.status, 200, "not ready, but alive");
        let late = uecho.get("/late");
        assert_eq!(late.status, 200, "the listener is still open");
        assert_eq!(late.header("connection"), Some("close"));
        assert!(begin.elapsed() < Duration::from_secs(3), "the machine is too slow to see the delay");

        eventually("the listener closes", || TcpStream::connect(uecho.public).is_err());
        assert!(begin.elapsed() >= Duration::from_secs(3), "not before drain.delay");
        let watched = http::request(uecho.ops, "GET", "/readyz", &[], b"");
        assert_eq!(watched.status, 503, "the drain can be watched");
        upload.send(b"ha");
        let answer = upload.answer().expect("an answer");
        assert_eq!((answer.status, &answer.json()["body"]["text"]), (200, &"haha".into()));
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(upload.closed());

        assert_eq!(uecho.wait_exit().code(), Some(0));
        let report = report(&uecho);
        assert_eq!(report["drain.reason"], "SIGTERM");
        assert_eq!(report["drain.in_flight"], 1);
        // the upload, a readyz and the late request; those of the ops side do not count
        assert_eq!((&report["drain.finished"], &report["drain.cut"]), (&3.into(), &0.into()));
        assert!(report["drain.seconds"].as_f64().unwrap() >= 3.0);
        let lines = uecho.notify.texts();
        assert!(lines.iter().any(|line| line == "EXTEND_TIMEOUT_USEC=5000000"), "{lines:?}");
        let draining = "STATUS=draining: 1 requests in flight";
        assert!(lines.iter().any(|line| line.starts_with(draining)), "{lines:?}");
        assert_eq!(lines.iter().filter(|line| *line == "READY=1").count(), 1, "{lines:?}");
    }
}

#[test]
fn no_request_is_lost_and_the_drain_ends_while_clients_keep_coming() {
    for listeners in BOTH {
        let mut service = Service::start(listeners, "drain.deadline = '30s'");
        let load = Load::start(service.uecho.public, &[(Manner::Greedy, 3), (Manner::Polite, 5)]);
        stop(&mut service.uecho);
        assert_eq!(service.uecho.wait_exit().code(), Some(0));
        let report = report(&service.uecho);
        assert_eq!(report["drain.cut"], 0, "{listeners:?}");
        assert!(report["drain.seconds"].as_f64().unwrap() < 15.0, "{listeners:?}: {report}");
        assert_eq!(service.lost(load), Vec::<String>::new(), "{listeners:?}");
    }
}

#[test]
fn a_client_that_waits_for_room_is_served_late() {
    for listeners in BOTH {
        let mut service = Service::start(listeners, "limits.connections = 1");
        let address = service.uecho.public;
        let mut upload = upload(&service.uecho);
        let [mut silent, mut asking] = [(); 2].map(|()| ClientConnection::open(address));
        asking.send(GET);
        stop(&mut service.uecho);
        // longer than a connection may be silent after it was accepted
        sleep(Duration::from_millis(1500));
        upload.send(b"ha");
        assert_eq!(upload.answer().map(|answer| answer.status), Some(200));
        let served = |silent: &mut ClientConnection, asking: &mut ClientConnection| {
            sleep(Duration::from_millis(300));
            silent.send(GET);
            for connection in [silent, asking] {
                assert_eq!(connection.answer().map(|answer| answer.status), Some(200), "{listeners:?}");
            }
        };
        if listeners == Listeners::Own {
            served(&mut silent, &mut asking);
        }
        assert_eq!(service.uecho.wait_exit().code(), Some(0));
        if let held @ Some(_) = service.held {
            let _successor = Service::on(held, "");
            served(&mut silent, &mut asking);
        }
    }
}

#[test]
fn a_request_that_takes_longer_than_the_deadline_is_cut_and_counted() {
    for listeners in BOTH {
        let mut service = Service::start(listeners, "drain.deadline = '2s'");
        let mut upload = upload(&service.uecho);
        let load = Load::start(service.uecho.public, &[(Manner::Greedy, 2), (Manner::Polite, 2)]);
        stop(&mut service.uecho);
        assert_eq!(upload.answer().map(|answer| answer.status), None, "no answer");
        assert_eq!(service.uecho.wait_exit().code(), Some(0), "cutting is part of a clean end");
        let report = report(&service.uecho);
        assert_eq!(report["drain.cut"], 1, "{listeners:?}: {report}");
        assert!(report["drain.seconds"].as_f64().unwrap() >= 2.0);
        let stderr = service.uecho.stderr();
        assert!(!stderr.contains("did not end when they were told to"), "the deadline is the end: {stderr}");
        assert_eq!(service.lost(load), Vec::<String>::new(), "{listeners:?}");
    }
}

#[test]
fn a_second_signal_ends_the_drain_at_once() {
    for listeners in BOTH {
        for config in ["drain.deadline = '1h'", "drain.delay = '1h'"] {
            let Service { mut uecho, held } = Service::start(listeners, config);
            let upload = upload(&uecho);
            stop(&mut uecho);
            uecho.signal(Signal::INT);
            assert_eq!(uecho.wait_exit().code(), Some(0), "{config}");
            let report = report(&uecho);
            assert_eq!((&report["drain.cut"], &report["drain.finished"]), (&1.into(), &0.into()), "{config}");
            drop((upload, held));
        }
        let Service { mut uecho, held } = Service::start(listeners, "drain.delay = '1h'");
        let load = Load::start(uecho.public, &[(Manner::Greedy, 2), (Manner::Polite, 2)]);
        stop(&mut uecho);
        uecho.signal(Signal::INT);
        assert_eq!(uecho.wait_exit().code(), Some(0));
        drop(held);
        // some of them, because their time is over
        let _lost = load.stop();
    }
}

#[test]
fn idle_connections_do_not_delay_the_end() {
    for listeners in BOTH {
        let Service { mut uecho, held } = Service::start(listeners, "drain.deadline = '1h'");
        let idle = || {
            let mut idle = ClientConnection::open(uecho.public);
            idle.send(GET);
            assert_eq!(idle.answer().unwrap().status, 200);
            idle
        };
        let mut resting = idle();
        sleep(Duration::from_millis(700));
        let mut fresh = idle();
        let silent = ClientConnection::open(uecho.public);
        uecho.signal(Signal::INT);
        assert_eq!(uecho.wait_exit().code(), Some(0));
        assert!(resting.closed() && fresh.closed());
        drop((silent, held));
        let report = report(&uecho);
        assert_eq!((&report["drain.reason"], &report["drain.in_flight"]), (&"SIGINT".into(), &0.into()));
    }
}

#[test]
fn sighup_during_a_drain_changes_nothing() {
    for listeners in BOTH {
        let Service { mut uecho, held } = Service::start(listeners, "drain.delay = '1h'");
        stop(&mut uecho);
        uecho.notify.clear();
        uecho.signal(Signal::HUP);
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(300) {
            pause();
        }
        uecho.signal(Signal::TERM);
        assert_eq!(uecho.wait_exit().code(), Some(0));
        assert_eq!(uecho.notify.count("RELOADING=1") + uecho.notify.count("READY=1"), 0);
        drop(held);
    }
}
