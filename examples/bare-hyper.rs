//! The limit that the service is compared with: hyper alone, one thread, a constant page.
//! `cargo run --release --example bare-hyper -- 127.0.0.1:8090`

use std::{convert::Infallible, io};

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use http_body_util::Full;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

const PAGE: &str =
    "<html><head><title>Unstoppable Echo</title></head><body><h1>hello right back at ya!</h1></body></html>";

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8090".into());
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(http1::Builder::new().serve_connection(
            TokioIo::new(stream),
            service_fn(async |_| {
                let mut response = Response::new(Full::new(Bytes::from_static(PAGE.as_bytes())));
                let html = HeaderValue::from_static("text/html; charset=utf-8");
                response.headers_mut().insert(header::CONTENT_TYPE, html);
                Ok::<_, Infallible>(response)
            }),
        ));
    }
}
