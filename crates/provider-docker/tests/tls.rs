//! An engine behind TLS that wants to know who asks.

use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use tamer_provider::{FaultKind, Provider as _};
use tamer_provider_docker::{ContainerProvider, Settings, TlsFiles};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

const VERSION: &str = r#"{"Version":"9","ApiVersion":"1.45","MinAPIVersion":"1.24"}"#;

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}

/// A certificate and its key, as PEM files.
fn issue(issuer: &Issuer, name: &str, folder: &Path) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
    let certificate = params.signed_by(&key, issuer).expect("a certificate");
    std::fs::write(folder.join(format!("{name}.pem")), certificate.pem()).expect("a file");
    std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).expect("a file");
    (certificate, key)
}

#[tokio::test]
async fn only_the_right_authority_and_certificate_are_served() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let (ours, others) = (authority("ours"), authority("others"));
    std::fs::write(at("ours.pem"), ours.pem()).expect("a file");
    std::fs::write(at("others.pem"), others.pem()).expect("a file");
    let (certificate, key) = issue(&ours, "localhost", folder.path());
    issue(&ours, "agent", folder.path());
    issue(&others, "stranger", folder.path());

    let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(ours.der().clone()).expect("the authority");
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), crypto.clone());
    let config = rustls::ServerConfig::builder_with_provider(crypto)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(clients.build().expect("a verifier"))
        .with_single_cert(
            vec![certificate.der().clone()],
            key.serialize_der().try_into().expect("a key"),
        )
        .expect("a configuration");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let port = listener.local_addr().expect("an address").port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let _server = AbortOnDropHandle::new(tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") && stream.read_buf(&mut head).await.unwrap_or(0) > 0
            {
            }
            let length = VERSION.len();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{VERSION}");
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    }));

    let probe = async |authority: &str, who: Option<&str>| {
        let file = |end: &str| who.map(|who| at(&format!("{who}.{end}")));
        let provider = ContainerProvider::new(Settings {
            name: "docker".parse().expect("a name"),
            endpoint: Some(format!("tcp://localhost:{port}")),
            tls: Some(TlsFiles {
                authority: at(authority),
                certificate: file("pem"),
                key: file("key"),
            }),
            registries: Vec::new(),
        });
        provider.probe().await
    };
    let good = probe("ours.pem", Some("agent")).await.expect("the right files");
    assert_eq!(good.version, "Docker Engine 9 (API 1.45)");
    for (authority, who) in [
        ("others.pem", Some("agent")),
        ("ours.pem", Some("stranger")),
        ("ours.pem", None),
        ("absent.pem", Some("agent")),
        ("agent.key", Some("agent")),
    ] {
        let fault = probe(authority, who).await.expect_err(authority);
        assert_eq!(fault.kind, FaultKind::Unavailable, "{authority} {who:?}: {fault:?}");
    }
}
