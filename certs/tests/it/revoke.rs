//! Revocation takes effect with the next handshake, and no session outlives it by resumption.

use rustls::CertificateError;
use rustls::server::ProducesTickets;
use tamer_certs::{Credentials, Revoked, client_config};
use tamer_model::Role;

use crate::fleet::{Fleet, handshake, host_id};

async fn revoked(fleet: &Fleet, credentials: &Credentials) -> bool {
    let client = client_config(fleet.authority.trust(), Some(credentials)).expect("settings");
    let seen = handshake(client, fleet.server_config()).await;
    let refused = Err(rustls::Error::InvalidCertificate(CertificateError::Revoked));
    assert_eq!(seen.client.is_err(), seen.server == refused);
    seen.server == refused
}

#[tokio::test]
async fn one_certificate_is_refused_and_the_others_are_not() {
    let fleet = Fleet::new(1);
    let (lost, kept) = (fleet.host(1), fleet.host(1));
    assert!(!revoked(&fleet, &lost).await);
    fleet.revocations.insert(Revoked::Serial(lost.peer().serial));
    assert!(revoked(&fleet, &lost).await);
    assert!(!revoked(&fleet, &kept).await);
}

#[tokio::test]
async fn a_removed_host_is_refused_with_whatever_it_has() {
    let fleet = Fleet::new(1);
    fleet.revocations.insert(Revoked::Holder(Role::Host(host_id(1))));
    assert!(revoked(&fleet, &fleet.host(1)).await);
    assert!(revoked(&fleet, &fleet.host(1)).await);
    assert!(!revoked(&fleet, &fleet.host(2)).await);
    fleet.revocations.replace([]);
    assert!(!revoked(&fleet, &fleet.host(1)).await);
}

#[test]
fn nothing_is_resumed() {
    let server = Fleet::new(1).server_config();
    assert_eq!(server.send_tls13_tickets, 0);
    assert!(!server.ticketer.enabled());
    assert!(!server.session_storage.can_cache());
    let _: &dyn ProducesTickets = &*server.ticketer;
}
