//! A plain HTTP/1.1 client that shows exactly the bytes that it received.

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
};

use super::{SOON, pause};

/// An answer as received.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// Value of a header, by lower-case name; panics when it is repeated.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values =
            self.headers.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} is repeated");
        value
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// One request over a new connection.
#[track_caller]
pub fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut connection = ClientConnection::open(address);
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    if !body.is_empty() {
        write!(head, "Content-Length: {}\r\n", body.len()).unwrap();
    }
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    connection.send(format!("{head}\r\n").as_bytes());
    connection.send(body);
    connection.answer_to(method).unwrap_or_else(|| panic!("{method} {path}: no answer"))
}

/// A connection on which a test can send any bytes.
pub struct ClientConnection {
    stream: BufReader<TcpStream>,
}

impl ClientConnection {
    #[track_caller]
    pub fn open(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// Uses a stream that is connected.
    #[track_caller]
    pub fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.set_write_timeout(Some(SOON)).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    /// Sends raw bytes; the other side may have hung up already.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.get_mut().write_all(bytes);
    }

    /// Whether the server does not answer these bytes with a reset, which would make the next write fail.
    pub fn takes(&mut self, bytes: &[u8]) -> bool {
        (0..2).all(|_| {
            let sent = self.stream.get_mut().write_all(bytes).is_ok();
            pause();
            sent
        })
    }

    /// Reads one answer; `None` when the connection ends first.
    pub fn answer(&mut self) -> Option<Answer> {
        self.answer_to("GET")
    }

    /// Reads the answer to a request of this method.
    pub fn answer_to(&mut self, method: &str) -> Option<Answer> {
        let mut line = String::new();
        self.stream.read_line(&mut line).ok().filter(|length| *length > 0)?;
        let status = line.split(' ').nth(1)?.parse().ok()?;
        let mut headers = Vec::new();
        loop {
            line.clear();
            self.stream.read_line(&mut line).ok().filter(|length| *length > 0)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        let bodiless = method == "HEAD" || status == 204 || status == 304 || status < 200;
        match answer.header("content-length").map(str::parse) {
            _ if bodiless => {}
            Some(length) => {
                answer.body.resize(length.ok()?, 0);
                self.stream.read_exact(&mut answer.body).ok()?;
            }
            None => {
                self.stream.read_to_end(&mut answer.body).ok()?;
            }
        }
        Some(answer)
    }

    /// Waits for the end of the connection; false when it stays open.
    pub fn closed(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => true,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}
