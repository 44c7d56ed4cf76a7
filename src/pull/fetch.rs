//! Fetches small files over HTTP.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::StatusCode;
use uecho_probe::{client::Client, target::Target};

/// One file, or one question that is answered by a status.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Where it is.
    pub url: Target,
    /// How long it may take.
    pub timeout: Duration,
}

impl Source {
    /// The status of `GET` at the URL with this suffix.
    ///
    /// # Errors
    /// There is no answer; the text names the URL.
    pub(crate) async fn status(&self, suffix: &str) -> Result<StatusCode, String> {
        Ok(self.ask(suffix).await?.0)
    }

    /// The content of what is at the URL with this suffix: at most 64 KiB.
    ///
    /// # Errors
    /// There is no answer, or its status is not 200; the text names the URL.
    pub(crate) async fn get(&self, suffix: &str) -> Result<Bytes, String> {
        match self.ask(suffix).await? {
            (StatusCode::OK, body) => Ok(body),
            (status, _) => Err(format!("{}{suffix}: status {}", self.url, status.as_u16())),
        }
    }

    async fn ask(&self, suffix: &str) -> Result<(StatusCode, Bytes), String> {
        let exchange = async {
            let client = Arc::new(
                Client::new(&self.url)?.user_agent(concat!("uecho-pull/", env!("CARGO_PKG_VERSION"))),
            );
            client.open().await?.get(suffix, "*/*").await
        };
        let problem = |text: String| format!("{}{suffix}: {text}", self.url);
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(Ok(answer)) => Ok((answer.status(), answer.into_body())),
            Ok(Err(fault)) => Err(problem(fault.to_string())),
            Err(_) => Err(problem(format!("no answer within {} s", self.timeout.as_secs_f64()))),
        }
    }
}
