//! A fan-out as it is usually written: axum, one pooled reqwest client, `join_all`.
//! `reqwest-fanout ADDR PEER...`

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, State},
    routing::get,
};
use futures_util::future::join_all;
use serde_json::{Value, json};

struct Peers {
    client: reqwest::Client,
    urls: Vec<String>,
}

async fn fanout(State(peers): State<Arc<Peers>>, Path(text): Path<String>) -> Json<Value> {
    let replies = join_all(peers.urls.iter().map(async |url| {
        let asked =
            peers.client.get(format!("{url}/{text}")).header("accept", "application/json").send().await;
        let message = match asked {
            Ok(answer) => answer.json::<Value>().await.ok().map(|answer| answer["message"].clone()),
            Err(_) => None,
        };
        json!({ "peer": url, "message": message })
    }))
    .await;
    Json(json!({ "text": text, "replies": replies }))
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut args = std::env::args().skip(1);
    let address = args.next().unwrap();
    let client = reqwest::Client::builder().timeout(Duration::from_secs(2)).build().unwrap();
    let peers = Arc::new(Peers { client, urls: args.collect() });
    let router = Router::new().route("/api/v1/fanout/{text}", get(fanout)).with_state(peers);
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    axum::serve(listener, router).await.unwrap();
}
