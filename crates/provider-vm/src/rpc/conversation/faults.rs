use proptest::prelude::*;

use super::super::packet::MAX_PACKET;
use super::super::table::Table;
use super::super::{RpcError, procedure};
use super::*;

/// What two calls under way and one after them see when the daemon says this.
async fn after(bytes: Vec<u8>, then_close: bool) -> [RpcError; 3] {
    let (connection, mut daemon) = open().await;
    let talk = async {
        daemon.expect(procedure::CONNECT_GET_VERSION).await;
        daemon.expect(procedure::CONNECT_GET_HOSTNAME).await;
        daemon.0.write_all(&bytes).await.unwrap();
        if then_close { None } else { Some(daemon) }
    };
    let calls = async { tokio::join!(connection.version(), connection.hostname(), talk) };
    let (first, second, _daemon) = soon(calls).await;
    assert!(connection.is_closed());
    let third = soon(connection.capabilities()).await;
    [first.unwrap_err(), second.unwrap_err(), third.unwrap_err()]
}

fn all_say(errors: [RpcError; 3], expected: &str) {
    for error in errors {
        assert!(matches!(error, RpcError::Protocol(what) if what == expected), "{error:?}");
    }
}

fn packet(header: Header) -> Vec<u8> {
    Packet::to_bytes(header, &[]).unwrap().to_vec()
}

const REPLY: Header = Header {
    program: Program::Remote,
    procedure: procedure::CONNECT_GET_VERSION,
    kind: Kind::Reply,
    serial: 3,
    status: Status::Ok,
};

#[tokio::test(start_paused = true)]
async fn a_daemon_that_goes_fails_everything_at_once() {
    for bytes in [vec![], vec![0, 0], packet(REPLY)[..20].to_vec()] {
        for error in after(bytes, true).await {
            assert!(matches!(error, RpcError::Closed), "{error:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_wait_for_their_turn_fail_too() {
    let (connection, mut daemon) = open().await;
    let mut calls = Vec::new();
    for _ in 0..600 {
        let connection = connection.clone();
        calls.push(tokio::spawn(async move { connection.version().await }));
    }
    daemon.expect(procedure::CONNECT_GET_VERSION).await;
    drop(daemon);
    for call in calls {
        let error = soon(call).await.unwrap().unwrap_err();
        assert!(matches!(error, RpcError::Closed), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_length_that_cannot_be_is_an_error() {
    for length in [0, 4, 27, (MAX_PACKET + 5) as u32, u32::MAX] {
        let errors = after(length.to_be_bytes().to_vec(), false).await;
        all_say(errors, "a packet of an impossible length");
    }
}

#[tokio::test(start_paused = true)]
async fn garbage_is_an_error() {
    let garbage = [&28u32.to_be_bytes()[..], &[0xa5; 24]].concat();
    all_say(after(garbage, false).await, "another version of the protocol");
}

#[tokio::test(start_paused = true)]
async fn a_reply_to_no_call_is_an_error() {
    // Never sent, answered before, of another procedure.
    let other = Header { procedure: procedure::CONNECT_GET_CAPABILITIES, ..REPLY };
    for header in [Header { serial: 99, ..REPLY }, Header { serial: 1, ..REPLY }, other] {
        all_say(after(packet(header), false).await, "a reply to no call");
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_daemon_sends_is_an_error() {
    let call = Header { kind: Kind::Call, ..REPLY };
    all_say(after(packet(call), false).await, "a packet that no daemon sends");
    let data = Header { kind: Kind::Stream, serial: 99, ..REPLY };
    all_say(after(packet(data), false).await, "data of no stream");
    let parts = Header { status: Status::Continue, ..REPLY };
    all_say(after(packet(parts), false).await, "a reply of two parts");
    let reasonless = Header { status: Status::Error, ..REPLY };
    all_say(after(packet(reasonless), false).await, "a message is too short");
}

#[tokio::test(start_paused = true)]
async fn a_closed_connection_takes_nothing() {
    let (connection, mut daemon) = open().await;
    let other = connection.clone();
    let talk = async {
        let call = daemon.expect(procedure::CONNECT_CLOSE).await.header;
        daemon.reply(call, &()).await;
    };
    let ((), ()) = soon(async { tokio::join!(connection.close(), talk) }).await;
    assert!(matches!(soon(other.version()).await, Err(RpcError::Closed)));
    let end = soon(wire::read(&mut daemon.0)).await;
    assert!(matches!(end, Err(RpcError::Closed)), "{end:?}");
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_says_no_goodbye_is_left() {
    let (connection, mut daemon) = open().await;
    soon(connection.close()).await;
    daemon.expect(procedure::CONNECT_CLOSE).await;
    let end = soon(wire::read(&mut daemon.0)).await;
    assert!(matches!(end, Err(RpcError::Closed)), "{end:?}");
    assert!(connection.is_closed());
}

#[tokio::test(start_paused = true)]
async fn the_last_clone_closes_the_transport() {
    let (connection, mut daemon) = open().await;
    drop(connection.clone());
    let still = tokio::time::timeout(LIMIT, wire::read(&mut daemon.0)).await;
    assert!(still.is_err(), "{still:?}");
    drop(connection);
    let end = soon(wire::read(&mut daemon.0)).await;
    assert!(matches!(end, Err(RpcError::Closed)), "{end:?}");
}

fn header() -> impl Strategy<Value = Header> {
    let program = prop::sample::select(&[Program::Remote, Program::Qemu, Program::Keepalive]);
    let kind = prop::sample::select(&[Kind::Call, Kind::Reply, Kind::Message, Kind::Stream]);
    let status = prop::sample::select(&[Status::Ok, Status::Error, Status::Continue]);
    (program, prop_oneof![0..5i32, 316..320i32, Just(348)], kind, 0..3u32, status).prop_map(
        |(program, procedure, kind, serial, status)| Header {
            program,
            procedure,
            kind,
            serial,
            status,
        },
    )
}

proptest! {
    #[test]
    fn no_packet_does_harm(
        packets in prop::collection::vec((header(), prop::collection::vec(any::<u8>(), 0..64)), 0..8),
    ) {
        let mut table = Table::new();
        for (header, payload) in packets {
            let bytes = Packet::to_bytes(header, &payload).unwrap();
            let packet = Packet::parse(bytes.slice(4..)).unwrap();
            prop_assert_eq!(packet.header, header);
            let _ = table.take(packet);
        }
        table.close(RpcError::Closed);
        prop_assert!(table.urgent().is_none());
    }
}
