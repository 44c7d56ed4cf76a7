//! Clients that ask as fast as they get answers, and know the fate of each request.

use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crate::support::{eventually, http::ClientConnection};

/// After this much silence, the other side may close a kept connection just when the next request is sent.
const KEPT: Duration = Duration::from_millis(50);

/// How a client treats its connections.
#[derive(Clone, Copy)]
pub enum Manner {
    /// A new connection for each request.
    Greedy,
    /// The same connection until an answer says `Connection: close`.
    Polite,
}

/// Clients that ask until they are refused or stopped.
pub struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<Vec<String>>>,
}

impl Load {
    /// Starts this many clients of each manner, and waits until they get answers.
    #[track_caller]
    pub fn start(address: SocketAddr, clients: &[(Manner, usize)]) -> Self {
        let mut load = Self { stop: Arc::default(), answered: Arc::default(), clients: Vec::new() };
        for manner in clients.iter().flat_map(|(manner, count)| std::iter::repeat_n(*manner, *count)) {
            let (stop, answered) = (load.stop.clone(), load.answered.clone());
            load.clients.push(std::thread::spawn(move || ask(address, manner, &stop, &answered)));
        }
        load.more();
        load
    }

    /// Waits for some more answers.
    #[track_caller]
    pub fn more(&self) {
        let before = self.answered.load(Relaxed);
        eventually("there are more answers", || self.answered.load(Relaxed) > before + 100);
    }

    /// Waits until all clients are refused; gives the requests that were lost until then.
    pub fn refused(self) -> Vec<String> {
        self.clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    }

    /// Stops the clients; gives the requests that were lost until then.
    pub fn stop(self) -> Vec<String> {
        self.stop.store(true, Relaxed);
        self.refused()
    }
}

/// Asks until the end; says of each request without an answer how it was lost.
fn ask(address: SocketAddr, manner: Manner, stop: &AtomicBool, answered: &AtomicUsize) -> Vec<String> {
    let mut lost = Vec::new();
    let mut kept: Option<(ClientConnection, Instant)> = None;
    while !stop.load(Relaxed) && lost.len() < 10 {
        let (mut connection, since) = match kept.take() {
            Some((connection, since)) => (connection, Some(since)),
            None => match TcpStream::connect(address) {
                Ok(stream) => (ClientConnection::over(stream), None),
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => return lost,
                Err(error) => {
                    lost.push(format!("cannot connect: {error}"));
                    continue;
                }
            },
        };
        let close = if matches!(manner, Manner::Greedy) { "Connection: close\r\n" } else { "" };
        connection.send(format!("GET /x HTTP/1.1\r\nHost: a\r\n{close}\r\n").as_bytes());
        let silent = since.map(|since: Instant| since.elapsed());
        match connection.answer() {
            Some(answer) if answer.status == 200 => {
                answered.fetch_add(1, Relaxed);
                if answer.header("connection") == Some("close") {
                    connection.closed();
                } else {
                    kept = Some((connection, Instant::now()));
                }
            }
            None if silent.is_some_and(|silent| silent > KEPT) => {}
            other => lost.push(format!("{:?} after {silent:?}", other.map(|answer| answer.status))),
        }
    }
    lost
}
