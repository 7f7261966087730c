//! What certificates say, and which requests are refused.

use std::time::Duration;

use proptest::prelude::*;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType};
use tamer_certs::{
    Authority, CsrError, HostKey, IssueError, Lifetimes, MAX_CSR_BYTES, PeerError, PeerIdentity,
    SERVER_NAME, csr_key_fingerprint,
};
use tamer_model::{Code, FleetId, Identity, Problem, Role};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::fleet::{DAY, Fleet, HOUR, host_id, now};

fn csr(kind: &'static rcgen::SignatureAlgorithm) -> Vec<u8> {
    let key = KeyPair::generate_for(kind).expect("a key");
    let params = CertificateParams::default();
    params.serialize_request(&key).expect("a request").der().to_vec()
}

#[test]
fn a_host_certificate_says_what_the_authority_says() {
    let fleet = Fleet::new(1);
    let key = HostKey::generate().expect("a key");
    let csr = key.csr_der().expect("a request");
    let at = now();
    let issued = fleet.authority.issue_host(&csr, host_id(7), at).expect("a certificate");
    let peer = PeerIdentity::from_der(&issued.chain[0]).expect("an identity");
    let role = Role::Host(host_id(7));
    assert_eq!(peer.identity, Identity { fleet: fleet.authority.fleet(), role });
    assert_eq!((peer.serial, peer.key), (issued.serial, key.fingerprint()));
    assert_eq!((peer.not_before, peer.not_after), (issued.not_before, issued.not_after));
    assert_eq!(csr_key_fingerprint(&csr), Ok(issued.key));
    let (_, certificate) = X509Certificate::from_der(&issued.chain[0]).expect("a certificate");
    let usage = certificate.extended_key_usage().expect("one").expect("some").value;
    assert!(usage.client_auth && !usage.server_auth && !usage.any);
    assert!(!certificate.is_ca());
    assert!(at.since(peer.not_before) >= 2 * HOUR);
    assert!(peer.not_after.since(at) > 23 * HOUR && peer.not_after.since(at) <= DAY);
}

#[test]
fn a_coordinator_has_the_common_name_and_the_authority_in_its_chain() {
    let fleet = Fleet::new(1);
    let chain = fleet.server.current().chain().to_vec();
    assert_eq!(chain.get(1), Some(fleet.authority.trust().der()));
    let (_, certificate) = X509Certificate::from_der(&chain[0]).expect("a certificate");
    let names = certificate.subject_alternative_name().expect("one").expect("some").value;
    assert!(names.general_names.contains(&GeneralName::DNSName(SERVER_NAME)));
}

#[test]
fn what_a_request_asks_for_is_ignored() {
    let fleet = Fleet::new(1);
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let uri = format!("tamer://{}/coordinator/c-0000000000000000", fleet.authority.fleet());
    let names = [
        SanType::URI(uri.try_into().expect("ASCII")),
        SanType::DnsName(SERVER_NAME.try_into().expect("ASCII")),
    ];
    params.subject_alt_names = names.to_vec();
    let csr = params.serialize_request(&KeyPair::generate().expect("a key")).expect("a request");
    let issued = fleet.authority.issue_host(csr.der(), host_id(1), now()).expect("a certificate");
    let (_, certificate) = X509Certificate::from_der(&issued.chain[0]).expect("a certificate");
    assert!(!certificate.is_ca());
    assert!(!certificate.extended_key_usage().expect("one").expect("some").value.server_auth);
    let peer = PeerIdentity::from_der(&issued.chain[0]).expect("an identity");
    assert_eq!(peer.identity.role, Role::Host(host_id(1)));
}

#[test]
fn keys_of_three_kinds_are_accepted() {
    let authority = Fleet::new(1).authority;
    for kind in
        [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519]
    {
        authority.issue_host(&csr(kind), host_id(1), now()).expect("a certificate");
    }
    for kind in [&rcgen::PKCS_ECDSA_P521_SHA512, &rcgen::PKCS_RSA_SHA256] {
        assert_eq!(csr_key_fingerprint(&csr(kind)), Err(CsrError::Key));
    }
}

#[test]
fn requests_must_prove_the_key_and_be_small() {
    let mut forged = csr(&rcgen::PKCS_ECDSA_P256_SHA256);
    // The last byte belongs to the signature.
    *forged.last_mut().expect("bytes") ^= 1;
    assert_eq!(csr_key_fingerprint(&forged), Err(CsrError::Signature));
    assert_eq!(csr_key_fingerprint(&vec![0; MAX_CSR_BYTES + 1]), Err(CsrError::TooLarge(4097)));
    assert_eq!(csr_key_fingerprint(b"-----BEGIN"), Err(CsrError::Malformed));
    let problem = Problem::from(CsrError::Signature);
    assert_eq!(problem.code, Code::CsrInvalid);
    assert!(problem.remedy.is_some());
}

proptest! {
    #[test]
    fn no_damage_to_a_request_gets_another_key_through(at in 0usize..230, bit in 0u8..8) {
        let key = HostKey::generate().expect("a key");
        let mut csr = key.csr_der().expect("a request");
        let at = at % csr.len();
        csr[at] ^= 1 << bit;
        // The name of the signature's algorithm is not signed itself, so some damage is harmless.
        prop_assert_eq!(csr_key_fingerprint(&csr).unwrap_or(key.fingerprint()), key.fingerprint());
    }

    #[test]
    fn any_bytes_are_a_certificate_or_not(bytes: Vec<u8>) {
        let _ = PeerIdentity::from_der(&bytes.clone().into());
        let _ = tamer_certs::Trust::from_der(&bytes);
        let _ = csr_key_fingerprint(&bytes);
    }
}

#[test]
fn nothing_outlives_the_authority() {
    let short = Lifetimes { authority: Duration::from_secs(60), ..Lifetimes::default() };
    let (fleet, start) = (FleetId::from_bytes([1; 10]), now());
    let authority = Authority::create_with(fleet, start, short).expect("a CA");
    let csr = csr(&rcgen::PKCS_ECDSA_P256_SHA256);
    let issued = authority.issue_host(&csr, host_id(1), start).expect("a certificate");
    assert!(issued.not_after <= authority.not_after());
    let late = start.plus(Duration::from_secs(60));
    let error = authority.issue_host(&csr, host_id(1), late).expect_err("too late");
    assert!(matches!(error, IssueError::AuthorityExpired));
}

#[test]
fn serials_are_not_repeated() {
    let authority = Fleet::new(1).authority;
    let csr = csr(&rcgen::PKCS_ECDSA_P256_SHA256);
    let serial = |_| authority.issue_host(&csr, host_id(1), now()).expect("a certificate").serial;
    let serials: std::collections::HashSet<_> = (0..100).map(serial).collect();
    assert_eq!(serials.len(), 100);
}

#[test]
fn the_authority_itself_is_nobody() {
    let authority = Fleet::new(1).authority;
    assert_eq!(PeerIdentity::from_der(authority.trust().der()), Err(PeerError::NoIdentity));
}
