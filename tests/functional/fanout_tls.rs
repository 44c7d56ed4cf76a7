//! https peers: a configured authority is trusted, an unknown one and a wrong name are not.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::{Arc, Mutex},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion,
    crypto::CryptoProvider,
    pki_types::PrivatePkcs8KeyDer,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    version::{TLS12, TLS13},
};

use crate::support::{Builder, Uecho, listener, logged};

const FANOUT: &str = "/api/v1/fanout/x";

pub struct Authority(pub CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn config(&self, name: &str) -> Arc<ServerConfig> {
        self.serving(name, rustls::ALL_VERSIONS, WebPkiClientVerifier::no_client_auth())
    }

    /// A server that requires a certificate of this authority from its clients.
    pub fn demanding(&self, name: &str, version: &'static SupportedProtocolVersion) -> Arc<ServerConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider());
        self.serving(name, &[version], verifier.build().unwrap())
    }

    /// A certificate for this name, and its key, as PEM.
    pub fn pair(&self, name: &str) -> [String; 2] {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        [certificate.pem(), key.serialize_pem()]
    }

    fn serving(
        &self,
        name: &str,
        versions: &[&'static SupportedProtocolVersion],
        clients: Arc<dyn ClientCertVerifier>,
    ) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)
            .unwrap()
            .with_client_cert_verifier(clients)
            .with_single_cert(vec![certificate.der().clone()], key.into());
        Arc::new(config.unwrap())
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// An https peer; `seen` has the SNI of each request.
struct TlsPeer {
    port: u16,
    seen: Arc<Mutex<Vec<Option<String>>>>,
}

impl TlsPeer {
    fn new(config: Arc<ServerConfig>) -> Self {
        let listener = listener();
        let peer = Self { port: listener.local_addr().unwrap().port(), seen: Arc::default() };
        let seen = peer.seen.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (config, seen) = (config.clone(), seen.clone());
                std::thread::spawn(move || serve(stream, config, &seen));
            }
        });
        peer
    }
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>, seen: &Mutex<Vec<Option<String>>>) -> Option<()> {
    let tls = StreamOwned::new(ServerConnection::new(config).ok()?, stream);
    let mut stream = BufReader::new(tls);
    loop {
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            stream.read_line(&mut line).ok().filter(|length| *length > 0)?;
        }
        let tls = stream.get_mut();
        seen.lock().unwrap().push(tls.conn.server_name().map(str::to_owned));
        tls.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"message\":\"m\"}").ok()?;
    }
}

/// A node that asks this URL and trusts this PEM file.
fn trusting(pem: &str, url: &str) -> Uecho {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), pem).unwrap();
    Uecho::with(&format!(
        "[fanout]\nca = \"{}\"\npeers = [{url:?}]\ntimeout = \"10s\"",
        file.path().display()
    ))
}

fn reply(uecho: &Uecho) -> serde_json::Value {
    uecho.get(FANOUT).json()["replies"][0].clone()
}

#[test]
fn a_configured_authority_is_trusted() {
    let authority = Authority::new();
    let peer = TlsPeer::new(authority.config("localhost"));
    let uecho = trusting(&authority.0.pem(), &format!("https://localhost:{}", peer.port));
    for _ in 0..3 {
        assert_eq!(
            (reply(&uecho)["outcome"].as_str(), reply(&uecho)["message"].as_str()),
            (Some("ok"), Some("m"))
        );
    }
    assert!(peer.seen.lock().unwrap().iter().all(|sni| sni.as_deref() == Some("localhost")));
}

#[test]
fn an_address_can_be_certified() {
    let authority = Authority::new();
    let peer = TlsPeer::new(authority.config("127.0.0.1"));
    assert_eq!(
        reply(&trusting(&authority.0.pem(), &format!("https://127.0.0.1:{}", peer.port)))["outcome"],
        "ok"
    );
}

#[test]
fn an_unknown_authority_and_a_wrong_name_are_refused() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let (unknown, misnamed) =
        (TlsPeer::new(theirs.config("localhost")), TlsPeer::new(ours.config("other.example")));
    for peer in [unknown, misnamed] {
        let uecho = trusting(&ours.0.pem(), &format!("https://localhost:{}", peer.port));
        for _ in 0..2 {
            let reply = reply(&uecho);
            assert_eq!((&reply["outcome"], &reply["status"]), (&"refused".into(), &serde_json::Value::Null));
        }
        let log = logged(&uecho, "invalid peer certificate");
        assert_eq!(log.matches("invalid peer certificate").count(), 1, "{log}");
        assert!(peer.seen.lock().unwrap().is_empty(), "nothing is sent to a peer that is not trusted");
    }
}

#[test]
fn a_peer_that_demands_a_certificate_is_refused() {
    let authority = Authority::new();
    for version in [&TLS12, &TLS13] {
        let peer = TlsPeer::new(authority.demanding("localhost", version));
        let uecho = trusting(&authority.0.pem(), &format!("https://localhost:{}", peer.port));
        for _ in 0..10 {
            let reply = reply(&uecho);
            assert_eq!((&reply["outcome"], &reply["status"]), (&"refused".into(), &serde_json::Value::Null));
        }
        let log = logged(&uecho, "TLS refused");
        assert_eq!(log.matches("TLS refused").count(), 1, "{log}");
    }
}

#[test]
fn tls_that_breaks_during_an_answer_is_a_reset() {
    let (authority, listener) = (Authority::new(), listener());
    let (config, port) = (authority.config("localhost"), listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), listener.accept().unwrap().0);
        tls.read_exact(&mut [0; 16]).unwrap();
        tls.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"mess").unwrap();
        tls.sock.write_all(b"this is not a TLS record").unwrap();
        let _ = tls.sock.read_to_end(&mut Vec::new());
    });
    let reply = reply(&trusting(&authority.0.pem(), &format!("https://localhost:{port}")));
    assert_eq!(reply["outcome"], "reset", "{reply}");
}

#[test]
fn a_peer_without_tls_is_refused_as_an_https_peer() {
    let plain = listener();
    let url = format!("https://{}", plain.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = plain.accept().unwrap();
        stream.read_exact(&mut [0; 16]).unwrap();
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        let _ = stream.read_to_end(&mut Vec::new());
    });
    assert_eq!(reply(&trusting(&Authority::new().0.pem(), &url))["outcome"], "refused");
}

#[test]
fn an_unusable_ca_file_is_a_configuration_error() {
    let mut uecho = Builder::new()
        .config("[fanout]\nca = \"/nonexistent/ca.pem\"\npeers = [\"https://localhost\"]")
        .no_wait()
        .start();
    assert_eq!(uecho.wait_exit().code(), Some(78));
    assert!(uecho.stderr().contains("fanout.ca: `/nonexistent/ca.pem` cannot be read"), "{}", uecho.stderr());
}
