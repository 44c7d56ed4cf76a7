//! An OpenTelemetry collector that decodes the exports it gets, or behaves badly.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
    },
    common::v1::{AnyValue, KeyValue, any_value::Value},
    trace::v1::Span,
};
use prost::Message;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{SOON, eventually, listener};

/// How the collector answers exports.
#[derive(Clone, Copy)]
pub enum Behaviour {
    Good,
    /// It answers with this status.
    Status(u16),
    /// It never answers.
    Silent,
    /// It answers with success, but rejects this many spans of each export.
    Rejecting(u8),
    /// It answers with success and a body of this many bytes.
    Talkative(usize),
}

/// One export as received.
#[derive(Clone)]
pub struct Export {
    pub line: String,
    pub headers: BTreeMap<String, String>,
    pub request: ExportTraceServiceRequest,
}

/// A listening collector; its thread ends with the test process.
pub struct Collector {
    pub address: SocketAddr,
    exports: Arc<Mutex<Vec<Export>>>,
}

impl Collector {
    pub fn new(manner: Behaviour) -> Self {
        Self::start(move |stream, exports| receive(stream, manner, exports))
    }

    /// A good collector over TLS.
    pub fn secure(config: Arc<ServerConfig>) -> Self {
        Self::start(move |stream, exports| {
            let tls = ServerConnection::new(config.clone()).unwrap();
            receive(StreamOwned::new(tls, stream), Behaviour::Good, exports);
        })
    }

    fn start(receive: impl Fn(TcpStream, &Mutex<Vec<Export>>) + Clone + Send + 'static) -> Self {
        let listener: TcpListener = listener();
        let collector = Self { address: listener.local_addr().unwrap(), exports: Arc::default() };
        let exports = collector.exports.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (receive, exports, stream) = (receive.clone(), exports.clone(), stream.unwrap());
                stream.set_read_timeout(Some(SOON)).unwrap();
                std::thread::spawn(move || receive(stream, &exports));
            }
        });
        collector
    }

    /// The base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn exports(&self) -> Vec<Export> {
        self.exports.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn spans(&self) -> Vec<Span> {
        self.exports()
            .into_iter()
            .flat_map(|export| export.request.resource_spans)
            .flat_map(|resource| resource.scope_spans)
            .flat_map(|scope| scope.spans)
            .collect()
    }

    /// Waits until this many spans have arrived.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> Vec<Span> {
        eventually(&format!("{count} spans"), || self.spans().len() >= count);
        self.spans()
    }

    /// Attributes of the resource of the first export.
    #[track_caller]
    pub fn resource(&self) -> BTreeMap<String, String> {
        attributes(&self.exports()[0].request.resource_spans[0].resource.as_ref().unwrap().attributes)
    }
}

/// Attributes by key, values as text.
pub fn attributes(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    attributes.iter().map(|attribute| (attribute.key.clone(), text(attribute.value.as_ref()))).collect()
}

fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

/// An id as headers show it.
pub fn hex(id: &[u8]) -> String {
    use std::fmt::Write as _;
    id.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn rejecting(rejected_spans: i64) -> ExportTraceServiceResponse {
    let error_message = "not today".to_owned();
    ExportTraceServiceResponse {
        partial_success: Some(ExportTracePartialSuccess { rejected_spans, error_message }),
    }
}

fn receive(stream: impl Read + Write, manner: Behaviour, exports: &Mutex<Vec<Export>>) {
    let mut stream = BufReader::new(stream);
    let (mut line, mut headers) = (String::new(), BTreeMap::new());
    while stream.read_line(&mut line).is_ok_and(|length| length > 0) {
        let head = std::mem::take(&mut line);
        while stream.read_line(&mut line).is_ok_and(|length| length > 2) {
            let (name, value) = line.trim_end().split_once(':').unwrap();
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
            line.clear();
        }
        line.clear();
        let mut body = vec![0; headers["content-length"].parse().unwrap()];
        stream.read_exact(&mut body).unwrap();
        let request = ExportTraceServiceRequest::decode(&body[..]).unwrap();
        let export = Export { line: head.trim_end().into(), headers: std::mem::take(&mut headers), request };
        exports.lock().unwrap_or_else(PoisonError::into_inner).push(export);
        let (status, body) = match manner {
            Behaviour::Good => (200, Vec::new()),
            Behaviour::Status(status) => (status, Vec::new()),
            Behaviour::Silent => continue,
            Behaviour::Talkative(length) => (200, vec![0; length]),
            Behaviour::Rejecting(spans) => (200, rejecting(spans.into()).encode_to_vec()),
        };
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status} Whatever\r\nContent-Type: application/x-protobuf\r\nContent-Length: \
                {length}\r\n\r\n"
        );
        let _ = stream.get_mut().write_all(&[answer.as_bytes(), &body].concat());
    }
}
