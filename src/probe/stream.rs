//! A connected byte stream to an origin, with or without TLS.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use crate::tls;

/// A connected stream.
pub type OriginStream = Either<TcpStream, Explained>;

/// TLS over TCP that says why a write failed.
pub struct Explained {
    stream: Box<TlsStream<TcpStream>>,
    /// The error of a write whose explanation has not come yet.
    failed: Option<io::Error>,
}

impl Explained {
    /// A stream after its handshake.
    #[must_use]
    pub fn new(stream: TlsStream<TcpStream>) -> Self {
        Self { stream: Box::new(stream), failed: None }
    }

    /// Writes, and explains a failure. Under TLS 1.3 a peer that wants another certificate from us says so
    /// after the handshake and closes the connection: its alert explains more than a broken pipe does. The
    /// alert has already arrived or will never arrive, so reading it takes no time.
    fn write<T>(
        &mut self,
        context: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut TlsStream<TcpStream>>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.failed.is_none() {
            match write(Pin::new(&mut *self.stream), context) {
                Poll::Ready(Err(error)) if is_end(&error) => self.failed = Some(error),
                written => return written,
            }
        }
        let mut space = [0; 1];
        let said = ready!(Pin::new(&mut *self.stream).poll_read(context, &mut ReadBuf::new(&mut space)));
        let alert = said.err().filter(|error| tls::refusal(error).is_some());
        Poll::Ready(Err(alert
            .or_else(|| self.failed.take())
            .unwrap_or_else(|| io::ErrorKind::BrokenPipe.into())))
    }
}

/// Whether this error means that the other side has hung up; then reading ends, too.
fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset)
}

impl AsyncRead for Explained {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Explained {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write(context, AsyncWrite::poll_flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(context, |stream, context| stream.poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use rustls::{
        RootCertStore, ServerConfig, ServerConnection, pki_types::PrivatePkcs8KeyDer,
        server::WebPkiClientVerifier,
    };
    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::{connect::Connector, url::BaseUrl};

    /// A server for `localhost` that demands a certificate, and the authority of both in PEM.
    fn demanding() -> (ServerConfig, String) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec!["localhost".into()]).unwrap().signed_by(&key, &authority).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients.build().unwrap())
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            );
        (config.unwrap(), authority.pem())
    }

    #[tokio::test]
    async fn the_last_alert_of_a_peer_explains_a_failed_write() {
        let (server, pem) = demanding();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), pem).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let serving = tokio::task::spawn_blocking(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut tls = ServerConnection::new(Arc::new(server)).unwrap();
            let error = tls.complete_io(&mut stream).unwrap_err();
            assert!(tls::refusal(&error).is_some(), "{error}");
            // the reset makes the write fail before anything is read
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        });
        let url: BaseUrl = url.parse().unwrap();
        let connector = Connector::for_origins([&url.origin], Some(file.path())).unwrap();
        let mut stream = connector.connect(&url.origin).await.unwrap();
        serving.await.unwrap();
        let error = stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap_err();
        assert!(tls::refusal(&error).is_some(), "{error}");
    }
}
