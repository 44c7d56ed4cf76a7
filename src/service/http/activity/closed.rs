//! Why connections end: the values of the label `reason`.

/// The reason of `uecho_connections_closed_total{reason}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// The client closed the connection or vanished.
    Client,
    /// Our answer said `Connection: close`, because the client asked for it or because of an error after
    /// which the service reads no further request.
    Answered,
    /// `limits.first_byte` passed before the first byte.
    FirstByte,
    /// `limits.header` passed before a header was complete.
    Header,
    /// `limits.idle` passed between requests.
    Idle,
    /// The client read nothing of an answer for `limits.idle`.
    Write,
    /// The parser refused a request head; the answer was 400, 414 or 431.
    BadRequest,
    /// The process is draining and the connection had no request left to answer.
    Drain,
    /// The connection was still open at `drain.deadline` or at a second signal.
    Cut,
    /// The connection had been idle for longest when `limits.connections` was reached.
    Cap,
    /// The transport failed, or the client broke the protocol of HTTP/2.
    Error,
}

impl Closed {
    /// Every reason, in the order of their numbers.
    pub(crate) const ALL: [Self; 11] = [
        Self::Client,
        Self::Answered,
        Self::FirstByte,
        Self::Header,
        Self::Idle,
        Self::Write,
        Self::BadRequest,
        Self::Drain,
        Self::Cut,
        Self::Cap,
        Self::Error,
    ];

    /// The value of the label.
    #[must_use]
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Answered => "answered",
            Self::FirstByte => "first_byte",
            Self::Header => "header",
            Self::Idle => "idle",
            Self::Write => "write",
            Self::BadRequest => "bad_request",
            Self::Drain => "drain",
            Self::Cut => "cut",
            Self::Cap => "cap",
            Self::Error => "error",
        }
    }
}
