//! The settings of the service, one struct per section, each default beside its field.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Deserialize, Serialize, Serializer};

use super::{
    listen::Listen,
    units::{Size, Span},
};

/// Everything the service can be told. Unknown keys are refused.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What `GET /` says.
    pub message: String,
    /// Name of this node in the receipt; the host name unless set.
    pub instance: String,
    /// Which system generation or image this is, for the receipt.
    pub system: String,
    /// The public listener.
    pub public: Public,
    /// The ops listener: health, version, metrics.
    pub ops: Ops,
    /// Bounds on what a client may ask of us.
    pub limits: Limits,
    /// How the service stops.
    pub drain: Drain,
    /// Peers, and what to make of their answers.
    pub fanout: Fanout,
    /// The `/api/` routes.
    pub api: Api,
    /// Logging.
    pub log: Log,
    /// Trace export.
    pub otlp: Otlp,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            message: "Automate all the things!".into(),
            instance: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            system: "unknown".into(),
            public: Public::default(),
            ops: Ops::default(),
            limits: Limits::default(),
            drain: Drain::default(),
            fanout: Fanout::default(),
            api: Api::default(),
            log: Log::default(),
            otlp: Otlp::default(),
        }
    }
}

/// `[public]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Public {
    /// `ADDR:PORT` or `unix:/path`. Inherited sockets named `public` win over it.
    pub listen: Listen,
}

impl Default for Public {
    fn default() -> Self {
        Self { listen: Listen::loopback(8080) }
    }
}

/// `[ops]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ops {
    /// `ADDR:PORT` or `unix:/path`. Inherited sockets named `ops` win over it.
    pub listen: Listen,
}

impl Default for Ops {
    fn default() -> Self {
        Self { listen: Listen::loopback(8081) }
    }
}

/// `[limits]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Most header fields of a request; 431 above.
    pub headers: usize,
    /// Most bytes of header names and values together; 431 above.
    pub header_bytes: Size,
    /// Longest request target; 414 above.
    pub uri_bytes: Size,
    /// Largest request body; 413 above.
    pub body_bytes: Size,
    /// Time from accept to the first byte.
    pub first_byte: Span,
    /// Time for a complete header, from accept or from when the previous response began.
    pub header: Span,
    /// Time for a complete request body; 408 above.
    pub body: Span,
    /// Time for a handler to answer; 503 above.
    pub handler: Span,
    /// How long a kept-alive connection may stay silent between requests.
    pub idle: Span,
    /// Most connections open at once; further ones wait in the kernel's queue.
    pub connections: usize,
    /// Most requests in flight; 503 with `Retry-After` above.
    pub in_flight: usize,
    /// Most concurrent streams of one HTTP/2 connection.
    pub http2_streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            headers: 64,
            header_bytes: Size::kib(16),
            uri_bytes: Size::kib(8),
            body_bytes: Size::kib(1024),
            first_byte: Span::secs(5),
            header: Span::secs(5),
            body: Span::secs(10),
            handler: Span::secs(10),
            idle: Span::secs(30),
            connections: 4096,
            in_flight: 1024,
            http2_streams: 100,
        }
    }
}

/// `[drain]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Drain {
    /// How long the listener stays open after the signal, with `/readyz` already 503.
    pub delay: Span,
    /// How long requests in flight may take after that; what is left is cut.
    pub deadline: Span,
}

impl Default for Drain {
    fn default() -> Self {
        Self { delay: Span::secs(0), deadline: Span::secs(20) }
    }
}

/// How many peers must answer `ok`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Any number, none included.
    #[default]
    BestEffort,
    /// Every peer.
    All,
    /// At least one.
    Any,
    /// At least this many.
    Quorum(usize),
}

/// `[fanout]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fanout {
    /// Base URLs; `/` and the percent-encoded text are appended.
    pub peers: Vec<String>,
    /// When the answer counts as met.
    pub policy: Policy,
    /// Deadline budget of a whole tree.
    pub timeout: Span,
    /// `X-Uecho-Hops` at which the answer is 508.
    pub max_hops: u32,
    /// How many peers must be up for `/readyz` to be 200.
    pub ready_policy: Policy,
    /// PEM file of certificate authorities for https peers, instead of the system's.
    pub ca: Option<PathBuf>,
    /// Sent to peers as a bearer token.
    #[serde(serialize_with = "redacted")]
    pub token: Option<SecretString>,
}

impl Default for Fanout {
    fn default() -> Self {
        Self {
            peers: Vec::new(),
            policy: Policy::BestEffort,
            timeout: Span::secs(2),
            max_hops: 4,
            ready_policy: Policy::BestEffort,
            ca: None,
            token: None,
        }
    }
}

/// `[api]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Api {
    /// Bearer token required for `/api/`; none: open.
    #[serde(serialize_with = "redacted")]
    pub token: Option<SecretString>,
}

/// Shape of log lines on stderr. The journal always gets structured fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// The journal when stderr is the journal, else text.
    #[default]
    Auto,
    /// One line of text per event.
    Text,
    /// One JSON object per event.
    Json,
}

/// Which requests leave an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Status 5xx, slower than `log.slow`, or cut.
    #[default]
    Errors,
    /// Every request.
    All,
    /// None.
    Off,
}

/// `[log]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Directives of `tracing_subscriber::EnvFilter`, like `info,uecho=debug`.
    pub filter: String,
    /// Where and how events are written.
    pub format: LogFormat,
    /// Which requests leave an event.
    pub access: Access,
    /// From this duration on, a request is slow.
    pub slow: Span,
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".into(), format: LogFormat::Auto, access: Access::Errors, slow: Span::secs(1) }
    }
}

/// `[otlp]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Otlp {
    /// Base URL of the collector (`/v1/traces` is appended); none: `OTEL_EXPORTER_OTLP_*`, else no export.
    pub endpoint: Option<String>,
    /// Extra request headers, name to value.
    #[serde(serialize_with = "redacted_values")]
    pub headers: std::collections::BTreeMap<String, SecretString>,
    /// Share of new traces that are sampled, 0.0 to 1.0; none: `OTEL_TRACES_SAMPLER`, else 1.0.
    pub sample_ratio: Option<f64>,
    /// Time for one export; none: `OTEL_EXPORTER_OTLP_TIMEOUT`, else 10 s.
    pub timeout: Option<Span>,
}

/// What stands in for a secret wherever settings are shown.
pub const REDACTED: &str = "[redacted]";

#[expect(clippy::ref_option, reason = "serde hands the field by reference")]
fn redacted<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(|_| REDACTED).serialize(serializer)
}

fn redacted_values<S: Serializer>(
    secrets: &std::collections::BTreeMap<String, SecretString>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(secrets.keys().map(|name| (name, REDACTED)))
}
