//! Conversations with a daemon that a test plays, packet by packet.
#![expect(clippy::unwrap_used, reason = "a test may")]

mod calls;
mod events;
mod faults;
mod streams;

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncWriteExt, DuplexStream};

use super::packet::{Header, Kind, Packet, Program, RemoteError, Status};
use super::xdr::Encode;
use super::{Connection, Domain, procedure, wire, xdr};

/// Time is paused in these tests: it runs out as soon as nothing can happen any more.
const LIMIT: Duration = Duration::from_secs(10);

/// The daemon's end.
struct Daemon(DuplexStream);

/// A connection that was opened, and its daemon.
async fn open() -> (Connection, Daemon) {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let mut daemon = Daemon(theirs);
    let (connection, ()) = tokio::join!(Connection::over(ours, "test:///default"), async {
        let ask = daemon.expect(procedure::AUTH_LIST).await.header;
        daemon.reply(ask, &vec![0i32]).await;
        let open = daemon.expect(procedure::CONNECT_OPEN).await;
        let (uri, flags): (Option<String>, u32) = xdr::decode(&open.payload).unwrap();
        assert_eq!((uri.as_deref(), flags), (Some("test:///default"), 0));
        daemon.reply(open.header, &()).await;
    });
    (connection.unwrap(), daemon)
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.expect("nothing happens any more")
}

fn domain() -> Domain {
    Domain { name: "web".to_owned(), uuid: [7; 16], id: 3 }
}

impl Daemon {
    async fn receive(&mut self) -> Packet {
        soon(wire::read(&mut self.0)).await.unwrap()
    }

    async fn expect(&mut self, procedure: i32) -> Packet {
        let packet = self.receive().await;
        assert_eq!((packet.header.kind, packet.header.procedure), (Kind::Call, procedure));
        packet
    }

    async fn send(&mut self, header: Header, payload: &[u8]) {
        let packet = Packet::to_bytes(header, payload).unwrap();
        soon(self.0.write_all(&packet)).await.unwrap();
    }

    async fn reply(&mut self, to: Header, value: &impl Encode) {
        let header = Header { kind: Kind::Reply, ..to };
        self.send(header, &xdr::encode(value).unwrap()).await;
    }

    async fn refuse(&mut self, to: Header, code: i32, message: &str) {
        let kind = if to.kind == Kind::Call { Kind::Reply } else { to.kind };
        let header = Header { kind, status: Status::Error, ..to };
        let message = Some(message.to_owned());
        let error = RemoteError { code, domain: 10, message, level: 2, ..RemoteError::default() };
        self.send(header, &xdr::encode(&error).unwrap()).await;
    }

    async fn data(&mut self, to: Header, status: Status, bytes: &[u8]) {
        self.send(Header { kind: Kind::Stream, status, ..to }, bytes).await;
    }

    async fn tell(&mut self, procedure: i32, event: &impl Encode) {
        let header = Header {
            program: Program::Remote,
            procedure,
            kind: Kind::Message,
            serial: 0,
            status: Status::Ok,
        };
        self.send(header, &xdr::encode(event).unwrap()).await;
    }
}

/// What the other end sees of a stream: its status and bytes.
async fn piece(daemon: &mut Daemon) -> (Status, Bytes) {
    let packet = daemon.receive().await;
    assert_eq!(packet.header.kind, Kind::Stream);
    (packet.header.status, packet.payload)
}
