//! Who may connect to whom with which certificate.

use rustls::CertificateError;
use tamer_certs::{
    ClientConfigError, Credentials, RotatingIdentity, client_config, rotating_client_config,
};
use tamer_model::{CoordinatorId, Timestamp};

use crate::fleet::{DAY, Fleet, HOUR, Seen, ago, handshake, now};

async fn connect(fleet: &Fleet, credentials: Option<&Credentials>) -> Seen {
    let client = client_config(fleet.authority.trust(), credentials).expect("settings");
    handshake(client, fleet.server_config()).await
}

/// A client of `fleet` meets a server that shows `credentials`.
async fn client_refuses(fleet: &Fleet, credentials: Credentials, why: &str) {
    let client = client_config(fleet.authority.trust(), None).expect("settings");
    let seen = handshake(client, fleet.impostor(credentials)).await;
    let error = seen.client.expect_err("an impostor");
    assert!(error.contains(why), "{error}");
}

#[tokio::test]
async fn every_role_connects_and_is_known() {
    let fleet = Fleet::new(1);
    let coordinator = fleet.authority.issue_coordinator(CoordinatorId::from_bytes([9; 10]), now());
    let all = [fleet.host(1), fleet.user("ada"), fleet.user("ウェイ"), coordinator.expect("one")];
    for credentials in all {
        let seen = connect(&fleet, Some(&credentials)).await;
        seen.client.expect("accepted");
        assert_eq!(seen.server, Ok(Some(credentials.peer().clone())));
    }
}

#[tokio::test]
async fn without_a_certificate_one_is_nobody() {
    let seen = connect(&Fleet::new(1), None).await;
    seen.client.expect("accepted");
    assert_eq!(seen.server, Ok(None));
}

#[tokio::test]
async fn only_coordinators_serve() {
    let (fleet, other) = (Fleet::new(1), Fleet::new(2));
    client_refuses(&fleet, fleet.host(1), "server authentication").await;
    client_refuses(&fleet, fleet.user("ada"), "server authentication").await;
    let foreign = other.server.current();
    client_refuses(&fleet, Credentials::clone(&foreign), "UnknownIssuer").await;
}

#[tokio::test]
async fn certificates_are_for_their_time() {
    let fleet = Fleet::new(1);
    let later = now().plus(DAY);
    for (at, expected) in [(ago(2 * DAY), "Expired"), (later, "NotValidYet")] {
        let seen = connect(&fleet, Some(&fleet.host_at(1, at))).await;
        let error = format!("{:?}", seen.server.expect_err("out of its time"));
        assert!(error.contains(expected), "{error}");
        seen.client.expect_err("the server ended it");
    }
    let id = CoordinatorId::from_bytes([1; 10]);
    let issue = |at: Timestamp| fleet.authority.issue_coordinator(id, at).expect("a certificate");
    client_refuses(&fleet, issue(ago(31 * DAY)), "expired").await;
    client_refuses(&fleet, issue(later), "not valid yet").await;
}

#[tokio::test]
async fn clocks_may_be_an_hour_apart() {
    let fleet = Fleet::new(1);
    let issued_by_a_fast_clock = fleet.host_at(1, now().plus(HOUR));
    connect(&fleet, Some(&issued_by_a_fast_clock)).await.client.expect("accepted");
}

#[tokio::test]
async fn certificates_of_another_fleet_are_refused() {
    let (fleet, other) = (Fleet::new(1), Fleet::new(2));
    let foreign = other.host(1);
    let error = client_config(fleet.authority.trust(), Some(&foreign)).expect_err("two fleets");
    assert!(matches!(error, ClientConfigError::OtherFleet { .. }));
    // A client that does not care about the difference: the server does.
    let mut client = client_config(other.authority.trust(), Some(&foreign)).expect("settings");
    let honest = client_config(fleet.authority.trust(), None).expect("settings");
    let resolver = client.client_auth_cert_resolver.clone();
    client = honest;
    client.client_auth_cert_resolver = resolver;
    let seen = handshake(client, fleet.server_config()).await;
    let expected = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
    assert_eq!(seen.server, Err(expected));
}

#[tokio::test]
async fn a_renewal_counts_from_the_next_connection_on() {
    let fleet = Fleet::new(1);
    let identity = RotatingIdentity::new(fleet.host(1));
    let client = rotating_client_config(fleet.authority.trust(), &identity).expect("settings");
    let server = fleet.server_config();
    for _ in 0..2 {
        let next = fleet.host(1);
        identity.replace(next.clone());
        let seen = handshake(client.clone(), server.clone()).await;
        assert_eq!(seen.server, Ok(Some(next.peer().clone())));
    }
}

#[tokio::test]
async fn the_coordinator_renews_in_process() {
    let fleet = Fleet::new(1);
    let id = CoordinatorId::from_bytes([1; 10]);
    let expired = fleet.authority.issue_coordinator(id, ago(31 * DAY)).expect("a certificate");
    let good = Credentials::clone(&fleet.server.current());
    let server = fleet.server_config();
    fleet.server.replace(expired);
    let client = || client_config(fleet.authority.trust(), None).expect("settings");
    handshake(client(), server.clone()).await.client.expect_err("expired");
    fleet.server.replace(good);
    handshake(client(), server).await.client.expect("renewed");
}
