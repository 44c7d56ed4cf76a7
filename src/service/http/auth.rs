//! `api.token`: bearer authentication of `/api/` (RFC 6750), compared in constant time.

use http::{HeaderMap, HeaderValue, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::http::problem::Problem;

/// Accepts a request if no token is configured or the client sent the right one.
///
/// # Errors
/// 401 with `WWW-Authenticate`.
pub(super) fn check(expected: Option<&SecretString>, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(expected) = expected else { return Ok(()) };
    let sent = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes).and_then(bearer);
    match sent {
        Some(sent) if sent.ct_eq(expected.expose_secret().as_bytes()).into() => Ok(()),
        Some(_) => {
            Err(refusal("Bearer realm=\"uecho\", error=\"invalid_token\"", "the bearer token is wrong"))
        }
        None => Err(refusal("Bearer realm=\"uecho\"", "send the header `Authorization: Bearer TOKEN`")),
    }
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

fn refusal(challenge: &'static str, detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED)
        .detail(detail)
        .header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_token_passes() {
        let expected = SecretString::from("s3cret");
        let with = |value: &'static str| {
            HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))])
        };
        assert!(check(None, &HeaderMap::new()).is_ok());
        assert!(check(Some(&expected), &with("Bearer s3cret")).is_ok());
        assert!(check(Some(&expected), &with("bearer s3cret")).is_ok());
        assert!(
            check(Some(&expected), &with("Bearer   s3cret")).is_ok(),
            "RFC 6750 allows more than one space"
        );
        assert!(check(Some(&expected), &with("Bearer   s3cret ")).is_ok(), "1*SP, RFC 6750");
        for wrong in ["Bearer s3cre", "Bearer s3cret2", "Basic s3cret", "Bearer", ""] {
            assert_eq!(check(Some(&expected), &with(wrong)).unwrap_err().status(), 401, "{wrong}");
        }
        assert_eq!(check(Some(&expected), &HeaderMap::new()).unwrap_err().status(), 401);
    }
}
