//! Peers for the fan-out: every port answers an echo as JSON after 10 ms.
//! `slow-peer ADDR...`

use std::time::Duration;

use axum::{Json, Router, extract::Path, routing::get};
use serde_json::{Value, json};

async fn echo(Path(text): Path<String>) -> Json<Value> {
    tokio::time::sleep(Duration::from_millis(10)).await;
    Json(json!({ "text": text, "message": format!("{text} right back at ya!") }))
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let router = Router::new().route("/{text}", get(echo));
    let servers = std::env::args().skip(1).map(|address| {
        let router = router.clone();
        async move {
            let listener = tokio::net::TcpListener::bind(address).await.unwrap();
            axum::serve(listener, router).await.unwrap();
        }
    });
    futures_util::future::join_all(servers).await;
}
