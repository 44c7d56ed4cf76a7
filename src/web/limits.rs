//! Limits that a request head alone can break.

use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};

use super::problem::Problem;
use crate::config::settings::Limits;

/// Checks target, headers and announced body size.
///
/// # Errors
/// 414, 431 or 413, naming the limit.
pub fn check(limits: &Limits, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    if target_len(uri) > limits.uri_bytes.0 {
        let detail = format!("the request target is longer than {}", limits.uri_bytes);
        return Err(Problem::new(StatusCode::URI_TOO_LONG).detail(detail).close());
    }
    check_headers(limits, headers)?;
    match content_length(headers) {
        Some(length) if length > limits.body_bytes.0 as u64 => {
            Err(Problem::body_too_large(limits.body_bytes))
        }
        _ => Ok(()),
    }
}

fn check_headers(limits: &Limits, headers: &HeaderMap) -> Result<(), Problem> {
    let too_large =
        |detail| Err(Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE).detail(detail).close());
    if headers.len() > limits.headers {
        return too_large(format!("more than {} header fields", limits.headers));
    }
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > limits.header_bytes.0 {
        return too_large(format!("header fields larger than {} in total", limits.header_bytes));
    }
    Ok(())
}

fn target_len(uri: &Uri) -> usize {
    uri.path_and_query().map_or(0, |target| target.as_str().len())
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)
        .map(HeaderValue::as_bytes)
        .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok())
}
