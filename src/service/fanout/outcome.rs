//! What became of one question to one peer: ten words, the same in answers, metrics, logs and spans.

use std::fmt;

use http::StatusCode;
use serde::{Deserialize, Serialize};

/// The outcome of asking one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// 200 and a JSON object whose `message` is a string.
    Ok,
    /// The service asked, which includes connecting, and got no complete answer in time.
    Timeout,
    /// There was no connection: it was refused, the peer was unreachable, this node's sandbox forbade it, or
    /// TLS refused (an untrusted or expired certificate, one for another name, or an alert of the peer).
    Refused,
    /// The connection broke before the answer was complete.
    Reset,
    /// The name could not be looked up.
    Dns,
    /// The status was neither 200 (redirects are not followed) nor 508.
    BadStatus,
    /// The answer was not HTTP, or 200 without a JSON object with a `message`.
    BadBody,
    /// The body was larger than [`MAX_BODY`].
    TooLarge,
    /// The peer answered 508: the request has passed too many nodes.
    Loop,
    /// The service did not ask: too little of the deadline budget was left, or no connection slot came free
    /// within it.
    OverBudget,
}

/// The service reads a peer's answer up to this many bytes.
pub const MAX_BODY: usize = 256 * 1024;

impl Outcome {
    /// Every outcome, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::Ok,
        Self::Timeout,
        Self::Refused,
        Self::Reset,
        Self::Dns,
        Self::BadStatus,
        Self::BadBody,
        Self::TooLarge,
        Self::Loop,
        Self::OverBudget,
    ];

    /// The word used everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Dns => "dns",
            Self::BadStatus => "bad_status",
            Self::BadBody => "bad_body",
            Self::TooLarge => "too_large",
            Self::Loop => "loop",
            Self::OverBudget => "over_budget",
        }
    }

    /// Whether the deadline decided the outcome, and not the peer.
    #[must_use]
    pub const fn is_late(self) -> bool {
        matches!(self, Self::Timeout | Self::OverBudget)
    }

    /// The outcome of a status other than 200; `None` for 200, where the body decides.
    #[must_use]
    pub fn of_status(status: StatusCode) -> Option<Self> {
        match status {
            StatusCode::OK => None,
            StatusCode::LOOP_DETECTED => Some(Self::Loop),
            _ => Some(Self::BadStatus),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The part of a peer's answer that counts. Both an echo (`text`, `message`) and a whole fan-out have it.
#[derive(Deserialize)]
struct Body {
    message: String,
}

/// The `message` of a complete 200 answer.
///
/// # Errors
/// [`Outcome::TooLarge`] above [`MAX_BODY`], [`Outcome::BadBody`] for anything but a JSON object with a
/// string `message`.
pub fn read_body(body: &[u8]) -> Result<String, Outcome> {
    if body.len() > MAX_BODY {
        return Err(Outcome::TooLarge);
    }
    // JSON is UTF-8 (RFC 8259, 8.1); serde_json does not check the strings that it skips
    let body = std::str::from_utf8(body).map_err(|_| Outcome::BadBody)?;
    // serde would also accept an array as the fields of a struct
    if !body.trim_ascii_start().starts_with('{') {
        return Err(Outcome::BadBody);
    }
    serde_json::from_str::<Body>(body).map(|body| body.message).map_err(|_| Outcome::BadBody)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_word_is_the_same_everywhere() {
        for outcome in Outcome::ALL {
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.as_str());
            assert_eq!(outcome.to_string(), outcome.as_str());
        }
    }

    #[test]
    fn only_an_object_with_a_message_is_right() {
        assert_eq!(read_body(br#" {"text":"a","message":"a!","more":[1]} "#).unwrap(), "a!");
        let wrong: [&[u8]; 9] = [
            b"",
            b"{}",
            br#"{"message":1}"#,
            br#"{"message":null}"#,
            br#"["m"]"#,
            b"<html>",
            br#"{"message":"a""#,
            b"{\"message\":\"\xff\"}",
            b"{\"message\":\"a\",\"more\":\"\xff\"}",
        ];
        for wrong in wrong {
            assert_eq!(read_body(wrong), Err(Outcome::BadBody), "{}", wrong.escape_ascii());
        }
        assert_eq!(read_body(&vec![b'{'; MAX_BODY + 1]), Err(Outcome::TooLarge));
    }

    proptest! {
        #[test]
        fn any_message_is_read_back(message in ".*", pad in "[ \n\t]{0,3}") {
            let body = serde_json::json!({ "message": message }).to_string();
            prop_assert_eq!(read_body(format!("{pad}{body}{pad}").as_bytes()), Ok(message));
        }

        #[test]
        fn any_bytes_are_judged(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_body(&bytes);
        }
    }
}
