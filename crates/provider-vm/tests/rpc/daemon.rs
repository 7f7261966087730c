//! A daemon that goes away, and one that is no daemon.

use std::io::Write as _;
use std::os::unix::net::UnixListener;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tamer_provider_vm::rpc::{Connection, RpcError};

use super::{daemon, open, soon};

#[tokio::test]
async fn a_killed_daemon_fails_what_is_under_way_at_once() {
    let Some((_folder, libvirt)) = daemon() else { return };
    let connection = open(&libvirt, "test:///default").await;
    let mut events = soon(connection.domain_events()).await.unwrap();
    let pid = Pid::from_raw(libvirt.pid().unwrap().try_into().unwrap());
    // It reads nothing any more, so that the calls surely are under way when it is killed.
    kill(pid, Signal::SIGSTOP).unwrap();
    let mut calls = Vec::new();
    for _ in 0..20 {
        let connection = connection.clone();
        calls.push(tokio::spawn(async move { connection.capabilities().await }));
    }
    libvirt.kill().unwrap();
    for call in calls {
        let error = soon(call).await.unwrap().unwrap_err();
        assert!(matches!(error, RpcError::Closed), "{error:?}");
    }
    assert_eq!(soon(events.next()).await, None);
    assert!(connection.is_closed());
    assert!(matches!(soon(connection.version()).await, Err(RpcError::Closed)));
    let refused = soon(Connection::open(&libvirt.socket(), "test:///default")).await;
    assert!(matches!(refused, Err(RpcError::Io(_))), "{refused:?}");

    libvirt.start_again().unwrap();
    let connection = open(&libvirt, "test:///default").await;
    assert_eq!(soon(connection.domains()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_hypervisor_that_is_not_there_is_refused() {
    let Some((_folder, libvirt)) = daemon() else { return };
    let refused = soon(Connection::open(&libvirt.socket(), "bhyve:///system")).await.unwrap_err();
    assert!(matches!(refused, RpcError::Remote { .. }), "{refused:?}");
}

#[tokio::test]
async fn what_is_no_daemon_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let absent = soon(Connection::open(&socket, "test:///default")).await;
    assert!(matches!(absent, Err(RpcError::Io(_))), "{absent:?}");
    let listener = UnixListener::bind(&socket).unwrap();
    let says = std::thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        peer.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        peer
    });
    let other = soon(Connection::open(&socket, "test:///default")).await;
    assert!(matches!(other, Err(RpcError::Protocol(_))), "{other:?}");
    drop(says.join().unwrap());
}
