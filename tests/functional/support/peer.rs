//! Peers that are not uecho: each answers as its test needs, correctly or not, and records the requests it
//! got.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{SOON, listener};

/// A request that a peer got: request line and headers, names in lower case.
#[derive(Clone, Debug)]
pub struct PeerRequest {
    pub line: String,
    pub headers: Vec<(String, String)>,
}

impl PeerRequest {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }
}

/// A listening peer with one thread for each connection. It stops accepting on drop.
pub struct Peer {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<PeerRequest>>>,
    connections: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Peer {
    /// `answer` writes to the stream and says whether the connection stays open.
    pub fn new(answer: impl Fn(&PeerRequest, &mut TcpStream) -> bool + Send + Sync + 'static) -> Self {
        let listener = listener();
        let peer = Self {
            address: listener.local_addr().unwrap(),
            requests: Arc::default(),
            connections: Arc::default(),
            stop: Arc::default(),
        };
        let (requests, connections) = (peer.requests.clone(), peer.connections.clone());
        let (stop, answer) = (peer.stop.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { return };
                connections.fetch_add(1, Ordering::Relaxed);
                let (requests, answer) = (requests.clone(), answer.clone());
                std::thread::spawn(move || converse(stream, &requests, &*answer));
            }
        });
        peer
    }

    /// Sends these bytes in answer to any request, and closes.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::new(move |_, stream| {
            let _ = stream.write_all(&bytes);
            false
        })
    }

    /// Sends the same answer to every request, over kept-alive connections.
    pub fn answering(status: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        let bytes = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n{body}");
        Self::new(move |_, stream| stream.write_all(bytes.as_bytes()).is_ok())
    }

    /// Sends a correct answer with this message.
    pub fn saying(message: &str) -> Self {
        Self::answering("200 OK", "", &serde_json::json!({ "message": message }).to_string())
    }

    /// Sends a correct answer after some time.
    pub fn slow(delay: Duration) -> Self {
        Self::new(move |_, stream| {
            sleep(delay);
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{\"message\":\"slow\"}").is_ok()
        })
    }

    /// Accepts, reads, and never answers; ends when the other side closes.
    pub fn silent() -> Self {
        Self::new(|_, _| true)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<PeerRequest> {
        self.requests.lock().unwrap().clone()
    }

    /// How many connections were opened so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

/// A port at which nothing listens, and no other process can begin to listen.
pub struct Dead(socket2::Socket);

impl Dead {
    pub fn new() -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        Self(socket)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap().as_socket().unwrap())
    }
}

/// Closes with RST instead of FIN.
pub fn reset(stream: &TcpStream) {
    socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO)).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "a peer's thread has no runtime to yield to")]
pub fn sleep(duration: Duration) {
    std::thread::sleep(duration);
}

fn converse(
    mut stream: TcpStream,
    requests: &Mutex<Vec<PeerRequest>>,
    answer: &dyn Fn(&PeerRequest, &mut TcpStream) -> bool,
) {
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(head) = read_head(&mut reader) {
        requests.lock().unwrap().push(head.clone());
        if !answer(&head, &mut stream) {
            return;
        }
    }
}

fn read_head(reader: &mut impl BufRead) -> Option<PeerRequest> {
    let mut lines = reader.lines().map_while(Result::ok);
    let mut head = PeerRequest { line: lines.next()?, headers: Vec::new() };
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { return line.is_empty().then_some(head) };
        head.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    None
}
