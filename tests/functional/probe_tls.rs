//! `uecho probe` over https, through a proxy that terminates TLS in front of the service.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::Command,
    sync::Arc,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::{
    fanout_tls::Authority,
    support::{Uecho, listener},
};

/// A proxy that passes on the answers of the service, request by request; gives its port.
fn proxy(config: Arc<ServerConfig>, service: SocketAddr) -> u16 {
    let listener = listener();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let config = config.clone();
            std::thread::spawn(move || relay(stream, config, service));
        }
    });
    port
}

fn relay(stream: TcpStream, config: Arc<ServerConfig>, service: SocketAddr) -> Option<()> {
    let mut client = BufReader::new(StreamOwned::new(ServerConnection::new(config).ok()?, stream));
    let mut service = BufReader::new(TcpStream::connect(service).ok()?);
    loop {
        let request = head(&mut client)?;
        service.get_mut().write_all(request.as_bytes()).ok()?;
        let answer = head(&mut service)?;
        let length = answer.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse().ok()?;
        let mut body = vec![0; length];
        service.read_exact(&mut body).ok()?;
        client.get_mut().write_all(&[answer.as_bytes(), &body].concat()).ok()?;
    }
}

fn head(stream: &mut impl BufRead) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        stream.read_line(&mut head).ok().filter(|length| *length > 0)?;
    }
    Some(head)
}

#[test]
fn only_the_authorities_of_the_system_are_trusted() {
    let (authority, other) = (Authority::new(), Authority::new());
    let uecho = Uecho::with("");
    let url = format!("https://localhost:{}", proxy(authority.config("localhost"), uecho.public));
    let probe = |authority: &Authority| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), authority.0.pem()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_uecho"));
        command.env_clear().env("UECHO_CONFIG", "").env("SSL_CERT_FILE", file.path());
        let output = command.args(["probe", "--url", &url]).output().unwrap();
        let line = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(line).unwrap())
    };
    let (code, line) = probe(&authority);
    assert_eq!(code, Some(0), "{line}");
    assert!(line.starts_with(&format!("healthy: {url} in ")), "{line}");
    let (code, line) = probe(&other);
    assert_eq!(code, Some(1), "{line}");
    assert!(line.contains("invalid peer certificate") && line.lines().count() == 1, "{line}");
}
