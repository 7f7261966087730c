//! Enrolling with a fingerprint, and without.

use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use tamer_certs::{Credentials, HostKey, PinError, pinned_client_config, unpinned_client_config};

use crate::fleet::{Fleet, handshake};

/// A server of `fleet` that shows `chain` for its certificate.
fn showing(fleet: &Fleet, chain: Vec<CertificateDer<'static>>) -> ServerConfig {
    let key = HostKey::from_pem(&fleet.server.current().to_pem()).expect("a key");
    fleet.impostor(Credentials::new(chain, key).expect("a pair"))
}

/// A client pinned to `fleet` meets `server` and refuses it; the reason.
async fn refused(fleet: &Fleet, server: ServerConfig) -> PinError {
    let (client, handle) = pinned_client_config(fleet.authority.fingerprint());
    let seen = handshake(client, server).await;
    let text = seen.client.expect_err("refused");
    assert_eq!(handle.trust(), None);
    let error = handle.error().expect("a reason");
    assert!(text.contains(&format!("{error:?}")), "{text}");
    error
}

#[tokio::test]
async fn the_right_authority_is_accepted_and_handed_over() {
    let fleet = Fleet::new(1);
    let (client, handle) = pinned_client_config(fleet.authority.fingerprint());
    handshake(client, fleet.server_config()).await.client.expect("accepted");
    assert_eq!(handle.trust().as_ref(), Some(fleet.authority.trust()));
    assert_eq!(handle.error(), None);
}

#[tokio::test]
async fn another_authority_is_named() {
    let (fleet, other) = (Fleet::new(1), Fleet::new(2));
    let error = refused(&fleet, other.server_config()).await;
    let PinError::OtherAuthority { expected, seen } = error else { panic!("{error:?}") };
    assert_eq!(expected, fleet.authority.fingerprint());
    assert_eq!(seen.len(), 2);
    assert!(seen.contains(&other.authority.fingerprint()));
}

#[tokio::test]
async fn the_pinned_certificate_beside_a_foreign_leaf_is_no_proof() {
    // Same fleet id, so that even the authorities' names are equal.
    let (fleet, forged) = (Fleet::new(1), Fleet::new(1));
    let leaf = forged.server.current().chain()[0].clone();
    let (real, fake) = (fleet.authority.trust().der(), forged.authority.trust().der());
    for chain in [
        vec![leaf.clone(), real.clone()],
        vec![leaf.clone(), fake.clone(), real.clone()],
        vec![leaf.clone(), real.clone(), fake.clone()],
    ] {
        let error = refused(&fleet, showing(&forged, chain)).await;
        assert!(matches!(error, PinError::NotACoordinator { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn an_authority_does_not_serve() {
    let fleet = Fleet::new(1);
    let folder = tempfile::tempdir().expect("a folder");
    fleet.authority.save(folder.path()).expect("saved");
    // Credentials refuse a certificate without identity, so this server is put together by hand.
    let key = std::fs::read(folder.path().join("ca.key")).expect("the key");
    let ca = fleet.authority.trust().der().clone();
    for chain in [vec![ca.clone()], vec![ca.clone(), ca.clone()]] {
        let key = rustls::pki_types::pem::PemObject::from_pem_slice(&key).expect("a key");
        let builder = ServerConfig::builder().with_no_client_auth();
        let mut server = builder.with_single_cert(chain, key).expect("settings");
        server.alpn_protocols = vec![b"h2".to_vec()];
        refused(&fleet, server).await;
    }
}

#[tokio::test]
async fn a_chain_without_the_authority_says_what_came() {
    let fleet = Fleet::new(1);
    let leaf = fleet.server.current().chain()[0].clone();
    let error = refused(&fleet, showing(&fleet, vec![leaf])).await;
    assert!(matches!(error, PinError::OtherAuthority { seen, .. } if seen.len() == 1));
}

#[tokio::test]
async fn a_host_does_not_pass_for_a_coordinator() {
    let fleet = Fleet::new(1);
    let host = fleet.host(1);
    let chain = vec![host.chain()[0].clone(), fleet.authority.trust().der().clone()];
    let key = HostKey::from_pem(&host.to_pem()).expect("a key");
    let server = fleet.impostor(Credentials::new(chain, key).expect("a pair"));
    let error = refused(&fleet, server).await;
    assert!(matches!(error, PinError::NotACoordinator { .. }), "{error:?}");
}

#[tokio::test]
async fn the_fingerprint_of_a_leaf_is_no_authority() {
    let fleet = Fleet::new(1);
    let leaf = fleet.server.current().chain()[0].clone();
    let ca = fleet.authority.trust().der().clone();
    let fingerprint = tamer_model::Fingerprint::from_bytes(
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &leaf)
            .as_ref()
            .try_into()
            .expect("32 bytes"),
    );
    for chain in [vec![leaf.clone(), ca], vec![leaf.clone(), leaf.clone()]] {
        let (client, handle) = pinned_client_config(fingerprint);
        handshake(client, showing(&fleet, chain)).await.client.expect_err("refused");
        assert_eq!(handle.trust(), None);
    }
}

#[tokio::test]
async fn without_a_pin_the_first_authority_is_kept() {
    let (fleet, other) = (Fleet::new(1), Fleet::new(2));
    let (client, handle) = unpinned_client_config();
    handshake(client.clone(), fleet.server_config()).await.client.expect("accepted");
    assert_eq!(handle.trust().as_ref(), Some(fleet.authority.trust()));
    handshake(client.clone(), other.server_config()).await.client.expect_err("another one");
    assert!(matches!(handle.error(), Some(PinError::OtherAuthority { .. })));
    handshake(client, fleet.server_config()).await.client.expect("the same again");
    assert_eq!(handle.error(), None);
}

#[tokio::test]
async fn without_a_pin_the_chain_must_still_be_good() {
    let (fleet, forged) = (Fleet::new(1), Fleet::new(1));
    let leaf = forged.server.current().chain()[0].clone();
    for chain in [vec![leaf.clone(), fleet.authority.trust().der().clone()], vec![leaf.clone()]] {
        let (client, handle) = unpinned_client_config();
        handshake(client, showing(&forged, chain)).await.client.expect_err("refused");
        assert_eq!(handle.trust(), None);
    }
}
