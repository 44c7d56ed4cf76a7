//! What a request may still use, as its caller said: hops, and milliseconds of the deadline budget of the
//! whole tree.
//!
//! The service keeps a small reserve of a budget (5 %, at least 4 and at most 100 ms): half of it to make and
//! send our answer, half for the way to the peer and back. So a peer gives up before we do, and we before our
//! caller.

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue};

/// `X-Uecho-Hops`: how many nodes the request has passed.
pub(crate) const X_UECHO_HOPS: HeaderName = HeaderName::from_static("x-uecho-hops");
/// `X-Uecho-Deadline-Ms`: how many milliseconds the caller will wait.
pub(crate) const X_UECHO_DEADLINE_MS: HeaderName = HeaderName::from_static("x-uecho-deadline-ms");

/// Why a request is not passed on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// A header is repeated or is not a whole number: 400.
    #[error("the header {name} must be {expected}, sent once")]
    Header {
        /// The header.
        name: HeaderName,
        /// The expected value, in words.
        expected: &'static str,
    },
    /// The request has passed too many nodes: 508.
    #[error(
        "the request has passed {hops} nodes and fanout.max_hops is {max_hops}: the peers may form a ring"
    )]
    Loop {
        /// Nodes passed so far.
        hops: u32,
        /// `fanout.max_hops`
        max_hops: u32,
    },
}

/// What the caller said about the tree this request belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Nodes passed so far; 0 when the caller is no node.
    pub hops: u32,
    /// The caller's budget, if it has one.
    pub deadline: Option<Duration>,
}

impl Claim {
    /// Reads both headers.
    ///
    /// # Errors
    /// A header is repeated or is not a whole number.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self, ClaimError> {
        let hops = number(headers, &X_UECHO_HOPS, "a whole number of nodes passed", u32::MAX.into())?;
        let deadline = number(headers, &X_UECHO_DEADLINE_MS, "a whole number of milliseconds", u64::MAX)?;
        Ok(Self {
            hops: hops.and_then(|hops| u32::try_from(hops).ok()).unwrap_or(0),
            deadline: deadline.map(Duration::from_millis),
        })
    }

    /// Refuses a request that has passed through too many nodes.
    ///
    /// # Errors
    /// The request has passed `max_hops` nodes or more.
    pub(crate) fn guard(&self, max_hops: u32) -> Result<(), ClaimError> {
        if self.hops < max_hops {
            return Ok(());
        }
        Err(ClaimError::Loop { hops: self.hops, max_hops })
    }
}

fn number(
    headers: &HeaderMap,
    name: &HeaderName,
    expected: &'static str,
    max: u64,
) -> Result<Option<u64>, ClaimError> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else { return Ok(None) };
    let parsed = std::str::from_utf8(first.as_bytes())
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse::<u64>().ok())
        .filter(|number| *number <= max && values.next().is_none());
    parsed.map(Some).ok_or_else(|| ClaimError::Header { name: name.clone(), expected })
}

/// The deadline of one fan-out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    cutoff: Instant,
    half_reserve: Duration,
}

impl Budget {
    /// Starts the clock at `start` with the smallest of these limits.
    #[must_use]
    pub(crate) fn start(start: Instant, limits: impl IntoIterator<Item = Duration>) -> Self {
        // far more than any limit in use, and too little to overflow an Instant
        let whole = limits.into_iter().fold(Duration::from_hours(24), Duration::min);
        let reserve = (whole / 20).clamp(Duration::from_millis(4), Duration::from_millis(100));
        let half_reserve = reserve / 2;
        Self { cutoff: start + whole.saturating_sub(half_reserve), half_reserve }
    }

    /// When we answer with the replies that have come.
    #[must_use]
    pub(crate) fn cutoff(&self) -> Instant {
        self.cutoff
    }

    /// What a peer asked at `now` may use; `None` when less than a millisecond is left.
    #[must_use]
    pub(crate) fn for_peer(&self, now: Instant) -> Option<Duration> {
        let left = self.cutoff.saturating_duration_since(now).saturating_sub(self.half_reserve);
        (left.as_millis() > 0).then_some(left)
    }
}

/// The value of [`X_UECHO_DEADLINE_MS`]; whole milliseconds, rounded down.
#[must_use]
pub(crate) fn deadline_header(left: Duration) -> HeaderValue {
    HeaderValue::from(u64::try_from(left.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    #[test]
    fn both_headers_are_read() {
        assert_eq!(Claim::read(&HeaderMap::new()).unwrap(), Claim::default());
        let both = headers(&[("x-uecho-hops", "3"), ("x-uecho-deadline-ms", "1500")]);
        let claim = Claim { hops: 3, deadline: Some(Duration::from_millis(1500)) };
        assert_eq!(Claim::read(&both).unwrap(), claim);
    }

    #[test]
    fn malformed_headers_are_refused_by_name() {
        for name in ["x-uecho-hops", "x-uecho-deadline-ms"] {
            for value in ["", "-1", "+1", " 1", "1.5", "0x1", "two", "1,2", "99999999999999999999", "\u{663}"]
            {
                let problem = Claim::read(&headers(&[(name, value)])).unwrap_err();
                assert!(matches!(problem, ClaimError::Header { .. }), "{name}: {value}");
                assert!(problem.to_string().contains(name), "{problem}");
            }
            assert!(Claim::read(&headers(&[(name, "1"), (name, "1")])).is_err());
        }
        assert!(Claim::read(&headers(&[("x-uecho-hops", "4294967296")])).is_err());
    }

    #[test]
    fn the_guard_closes_at_the_limit() {
        let after = |hops| Claim { hops, deadline: None };
        assert!(after(3).guard(4).is_ok());
        assert!(matches!(after(4).guard(4), Err(ClaimError::Loop { max_hops: 4, .. })));
        assert!(matches!(after(u32::MAX).guard(4), Err(ClaimError::Loop { max_hops: 4, .. })));
    }

    #[test]
    fn a_peer_gets_nothing_when_nothing_is_left() {
        let now = Instant::now();
        for millis in [0, 1, 4] {
            assert_eq!(Budget::start(now, [Duration::from_millis(millis)]).for_peer(now), None, "{millis}");
        }
        assert_eq!(
            Budget::start(now, [Duration::from_secs(2)]).for_peer(now),
            Some(Duration::from_millis(1900))
        );
    }

    proptest! {
        #[test]
        fn a_peer_gives_up_before_us_and_we_before_the_caller(millis in 0u64..100_000, later in 0u64..2000) {
            let start = Instant::now();
            let whole = Duration::from_millis(millis);
            let budget = Budget::start(start, [whole, Duration::MAX]);
            prop_assert!(budget.cutoff() <= start + whole);
            let asked = start + Duration::from_millis(later);
            if let Some(left) = budget.for_peer(asked) {
                let peer = Budget::start(asked, [left]);
                prop_assert!(peer.cutoff() < budget.cutoff());
                prop_assert!(budget.cutoff() < start + whole);
            }
        }

        #[test]
        fn any_header_is_read_or_refused(value in "[ -~]{0,24}") {
            let _ = Claim::read(&headers(&[("x-uecho-hops", &value)]));
        }
    }
}
