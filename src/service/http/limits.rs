//! The limits that are checked on the head of a request.

use http::{StatusCode, Uri, Version};

use crate::{
    config::settings::Limits,
    http::{head::Head, problem::Problem},
};

/// Checks target, headers and announced body size.
///
/// # Errors
/// 414, 431 or 413, naming the limit.
pub(super) fn check(limits: &Limits, version: Version, uri: &Uri, head: &Head<'_>) -> Result<(), Problem> {
    if target_len(version, uri) > limits.uri_bytes.0 {
        let detail = format!("the request target is longer than {}", limits.uri_bytes);
        return Err(Problem::new(StatusCode::URI_TOO_LONG).detail(detail).close());
    }
    let too_large =
        |detail| Err(Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE).detail(detail).close());
    if head.count > limits.headers {
        return too_large(format!("more than {} header fields", limits.headers));
    }
    if head.bytes > limits.header_bytes.0 {
        return too_large(format!("header fields larger than {} in total", limits.header_bytes));
    }
    match head.content_length {
        Some(length) if length > limits.body_bytes.0 as u64 => {
            Err(Problem::body_too_large(limits.body_bytes))
        }
        _ => Ok(()),
    }
}

/// Bytes of the target as the client sent it. HTTP/2 sends the authority in a field of its own, like `Host`
/// in HTTP/1, so it counts as a header field.
fn target_len(version: Version, uri: &Uri) -> usize {
    let path = uri.path_and_query().map_or(0, |target| target.as_str().len());
    match uri.authority() {
        Some(authority) if version != Version::HTTP_2 || path == 0 => {
            let scheme = uri.scheme_str().map_or(0, |scheme| scheme.len() + "://".len());
            scheme + authority.as_str().len() + path
        }
        _ => path,
    }
}
