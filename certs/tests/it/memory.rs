//! What a connection costs. A measurement, run by name on a quiet machine.

#![cfg(target_os = "linux")]

use std::io::Write;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tamer_certs::{SERVER_NAME, TLS_BUFFER_LIMIT, client_config};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::fleet::Fleet;

const CONNECTIONS: usize = 1000;

fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("proc");
    let pages = text.split(' ').nth(1).expect("a field").parse::<usize>().expect("a number");
    pages * 4096
}

/// Both ends of each connection are in this process, so half of the figure is the coordinator's.
#[tokio::test]
#[ignore = "a measurement"]
async fn a_session_is_small() {
    let fleet = Fleet::new(1);
    let host = fleet.host(1);
    let client = client_config(fleet.authority.trust(), Some(&host)).expect("settings");
    let connector = TlsConnector::from(Arc::new(client));
    let acceptor = TlsAcceptor::from(Arc::new(fleet.server_config()));
    let mut held = Vec::with_capacity(CONNECTIONS);
    let before = resident();
    for _ in 0..CONNECTIONS {
        let (near, far) = tokio::io::duplex(4096);
        let name = ServerName::try_from(SERVER_NAME).expect("a name");
        let connect = connector.connect(name, near);
        let accept = acceptor.accept_with(far, |tls| tls.set_buffer_limit(Some(TLS_BUFFER_LIMIT)));
        let (client, server) = tokio::join!(connect, accept);
        held.push((client.expect("connected"), server.expect("accepted")));
    }
    let each = (resident() - before) / CONNECTIONS;
    writeln!(std::io::stdout(), "{each} bytes for both ends").expect("stdout is open");
    assert!(each < 80 * 1024, "{each} bytes for both ends");
}
