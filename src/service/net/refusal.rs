//! The answer to what hyper never saw or would not take. It is written by us, so that it carries all that every answer carries.

use std::time::SystemTime;

use http::{StatusCode, header, response::Parts};
use http_body_util::BodyExt as _;
use tokio::{io::AsyncWriteExt as _, time::timeout};

use crate::{
    http::{problem::Problem, service::Service},
    net::{linger, scanner::Refused, stream::Stream},
};

/// The problem of a fault in the framing.
#[must_use]
pub(super) fn of_fault(refused: Refused) -> Problem {
    Problem::new(refused.fault.status()).detail(refused.fault.detail())
}

/// The problem of a head that hyper refused.
#[must_use]
pub(super) fn of_error(error: &hyper::Error) -> Problem {
    if error.is_parse_too_large() {
        Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE).detail("too many header fields")
    } else {
        Problem::new(StatusCode::BAD_REQUEST).detail("malformed request line or header field")
    }
}

/// Answers and closes, in a way that lets the answer arrive.
pub(super) async fn send(mut stream: Stream, service: &Service, problem: Problem) {
    let (head, mut body) = service.refuse(problem).into_parts();
    let content = body.frame().await.and_then(|frame| frame.ok()?.into_data().ok()).unwrap_or_default();
    let answer = [&render(&head, content.len()), &content[..]].concat();
    let sent = timeout(linger::LONGEST, stream.write_all(&answer)).await;
    // the request ends here: its body is kept until the bytes are out
    drop(body);
    if matches!(sent, Ok(Ok(()))) {
        linger::drain(stream).await;
    }
}

fn render(head: &Parts, content_length: usize) -> Vec<u8> {
    let status = head.status;
    let mut bytes =
        format!("HTTP/1.1 {} {}\r\n", status.as_str(), status.canonical_reason().unwrap_or_default())
            .into_bytes();
    for (name, value) in &head.headers {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    let date = httpdate::fmt_http_date(SystemTime::now());
    bytes.extend_from_slice(
        format!("{}: {content_length}\r\n{}: {date}\r\n\r\n", header::CONTENT_LENGTH, header::DATE)
            .as_bytes(),
    );
    bytes
}
