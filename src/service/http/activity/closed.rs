//! Why connections end: the values of the label `reason`.

/// The reason of `uecho_connections_closed_total{reason}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// The client closed it, asked us to, or went away.
    Client,
    /// Our answer said `Connection: close`: the client asked for it, or the request was not worth going on
    /// after.
    Answered,
    /// `limits.first_byte` passed before the first byte.
    FirstByte,
    /// `limits.header` passed before a header was complete.
    Header,
    /// `limits.idle` passed between requests.
    Idle,
    /// The client took nothing of an answer for `limits.idle`.
    Write,
    /// A request head that the parser does not take; answered 400, 414 or 431.
    BadRequest,
    /// Closed while draining, with nothing left to answer.
    Drain,
    /// Still open at `drain.deadline`, or at a second signal.
    Cut,
    /// The longest idle one made room at `limits.connections`.
    Cap,
    /// A transport or HTTP/2 protocol error.
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
