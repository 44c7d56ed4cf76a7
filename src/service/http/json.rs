//! JSON answers whose size depends on the request: `limits.memory` counts them from when they are built until
//! they are sent.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::Serialize;

use crate::{
    http::{negotiate::Media, problem::Problem},
    memory::Memory,
};

/// An answer with this value as JSON.
///
/// # Errors
/// 503 when `limits.memory` has no room for it.
pub(super) fn held(memory: &Memory, status: StatusCode, value: &impl Serialize) -> Result<Response, Problem> {
    let mut buffer = memory.buffer();
    match serde_json::to_writer(&mut buffer, value) {
        Ok(()) => {
            let content_type = [(header::CONTENT_TYPE, Media::Json.content_type())];
            Ok((status, content_type, buffer.into_bytes()).into_response())
        }
        Err(error) if error.is_io() => Err(memory.full().into()),
        Err(_) => Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR)),
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use uecho_probe::units::Size;

    use super::*;

    #[test]
    fn what_cannot_be_json_is_no_lack_of_room() {
        let memory = Memory::new(Size(10_000)).unwrap();
        let no_key = std::collections::BTreeMap::from([(vec![1], 2)]);
        let problem = held(&memory, StatusCode::OK, &no_key).unwrap_err();
        assert_eq!(problem.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[tokio::test]
    async fn an_answer_counts_until_it_is_sent() {
        let memory = Memory::new(Size(10_000)).unwrap();
        let answer = held(&memory, StatusCode::OK, &"a".repeat(5000)).unwrap();
        assert_eq!(memory.held(), 5002);
        let body = answer.into_body().collect().await.unwrap();
        assert_eq!(memory.held(), 5002, "it counts while a part of it is in use");
        drop(body);
        assert_eq!(memory.held(), 0);
    }

    #[test]
    fn an_answer_without_room_is_503() {
        let memory = Memory::new(Size(10_000)).unwrap();
        let problem = held(&memory, StatusCode::OK, &"a".repeat(10_000)).unwrap_err();
        assert_eq!((problem.status(), memory.held()), (StatusCode::SERVICE_UNAVAILABLE, 0));
    }
}
