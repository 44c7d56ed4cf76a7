//! An OTLP collector that accepts everything (OTLP/HTTP: any POST is answered 200 with an empty message).
//! `collector ADDR`

use axum::{Router, body::Bytes};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let address = std::env::args().nth(1).unwrap();
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let router = Router::new().fallback(async |_all: Bytes| {});
    axum::serve(listener, router).await.unwrap();
}
