use super::super::packet::MAX_STREAM_DATA;
use super::super::{RpcError, Stream, code, procedure};
use super::*;

async fn console() -> (Stream, Header, Connection, Daemon) {
    let (connection, mut daemon) = open().await;
    let talk = async {
        let call = daemon.expect(procedure::DOMAIN_OPEN_CONSOLE).await;
        let asked: (Domain, Option<String>, u32) = xdr::decode(&call.payload).unwrap();
        assert_eq!(asked, (domain(), Some("serial0".to_owned()), 1));
        daemon.reply(call.header, &()).await;
        // Together with the reply, as a daemon may.
        daemon.data(call.header, Status::Continue, b"login: ").await;
        call.header
    };
    let web = domain();
    let opened = connection.console(&web, Some("serial0"), 1);
    let (stream, header) = soon(async { tokio::join!(opened, talk) }).await;
    (stream.unwrap(), header, connection, daemon)
}

#[tokio::test(start_paused = true)]
async fn bytes_go_both_ways_until_both_end() {
    let (stream, header, _connection, mut daemon) = console().await;
    let (mut reader, mut writer) = stream.split();
    assert_eq!(soon(reader.read()).await.unwrap().as_deref(), Some(&b"login: "[..]));
    let long = vec![b'x'; MAX_STREAM_DATA + 1];
    soon(writer.write(&long)).await.unwrap();
    let (_, first) = piece(&mut daemon).await;
    let (status, second) = piece(&mut daemon).await;
    assert_eq!((first.len(), status, second.len()), (MAX_STREAM_DATA, Status::Continue, 1));

    daemon.data(header, Status::Continue, b"bye").await;
    daemon.data(header, Status::Continue, b"").await;
    sendable(reader.read());
    assert_eq!(soon(reader.read()).await.unwrap().as_deref(), Some(&b"bye"[..]));
    assert_eq!(soon(reader.read()).await.unwrap(), None);
    assert_eq!(soon(reader.read()).await.unwrap(), None);

    let talk = async {
        assert_eq!(piece(&mut daemon).await, (Status::Ok, Bytes::new()));
        daemon.data(header, Status::Ok, b"").await;
    };
    let (finished, ()) = soon(async { tokio::join!(writer.finish(), talk) }).await;
    finished.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_dropped_stream_is_aborted_once_and_its_late_data_ignored() {
    let (stream, header, connection, mut daemon) = console().await;
    let (reader, writer) = stream.split();
    drop(reader);
    drop(writer);
    assert_eq!(piece(&mut daemon).await, (Status::Error, Bytes::new()));
    daemon.data(header, Status::Continue, b"late").await;
    daemon.data(header, Status::Ok, b"").await;
    let talk = async {
        let call = daemon.expect(procedure::CONNECT_GET_VERSION).await.header;
        daemon.reply(call, &1u64).await;
    };
    let (version, ()) = soon(async { tokio::join!(connection.version(), talk) }).await;
    assert_eq!(version.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_abort_waits_for_the_daemon() {
    let (stream, header, _connection, mut daemon) = console().await;
    let talk = async {
        assert_eq!(piece(&mut daemon).await, (Status::Error, Bytes::new()));
        daemon.data(header, Status::Ok, b"").await;
    };
    let (aborted, ()) = soon(async { tokio::join!(stream.abort(), talk) }).await;
    aborted.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_stream_reaches_reader_and_writer() {
    let (mut stream, header, _connection, mut daemon) = console().await;
    let data = Header { kind: Kind::Stream, ..header };
    daemon.refuse(data, code::VIR_ERR_INTERNAL_ERROR, "the guest is gone").await;
    assert_eq!(soon(stream.read()).await.unwrap().as_deref(), Some(&b"login: "[..]));
    for _ in 0..2 {
        let error = soon(stream.read()).await.unwrap_err();
        assert_eq!(error.code(), Some(code::VIR_ERR_INTERNAL_ERROR));
    }
    let error = soon(stream.write(b"x")).await.unwrap_err();
    assert_eq!(error.code(), Some(code::VIR_ERR_INTERNAL_ERROR));
    let error = soon(stream.finish()).await.unwrap_err();
    assert_eq!(error.code(), Some(code::VIR_ERR_INTERNAL_ERROR));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_cannot_be_opened_leaves_nothing() {
    let (connection, mut daemon) = open().await;
    let web = domain();
    let talk = async {
        let call = daemon.expect(procedure::DOMAIN_OPEN_CONSOLE).await.header;
        daemon.refuse(call, code::VIR_ERR_OPERATION_INVALID, "domain is not running").await;
    };
    let opened = connection.console(&web, None, 0);
    let (refused, ()) = soon(async { tokio::join!(opened, talk) }).await;
    assert_eq!(refused.unwrap_err().code(), Some(code::VIR_ERR_OPERATION_INVALID));
    // Nothing holds what a daemon may send all the same, so that there is nothing to give up.
    let header = Header {
        program: Program::Remote,
        procedure: procedure::DOMAIN_OPEN_CONSOLE,
        kind: Kind::Stream,
        serial: 3,
        status: Status::Continue,
    };
    for _ in 0..20 {
        daemon.send(header, &vec![b'x'; MAX_STREAM_DATA]).await;
    }
    let more = tokio::time::timeout(LIMIT, wire::read(&mut daemon.0)).await;
    assert!(more.is_err(), "{more:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_opening_was_dropped_is_aborted_when_it_is_open() {
    let (connection, mut daemon) = open().await;
    let web = domain();
    let call = tokio::select! {
        _ = connection.console(&web, None, 0) => None,
        call = daemon.expect(procedure::DOMAIN_OPEN_CONSOLE) => Some(call.header),
    };
    daemon.reply(call.unwrap(), &()).await;
    assert_eq!(piece(&mut daemon).await, (Status::Error, Bytes::new()));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_read_carries_any_amount() {
    let (mut stream, header, _connection, mut daemon) = console().await;
    soon(stream.read()).await.unwrap();
    for _ in 0..40 {
        daemon.data(header, Status::Continue, &vec![b'x'; MAX_STREAM_DATA]).await;
        let bytes = soon(stream.read()).await.unwrap();
        assert_eq!(bytes.map(|bytes| bytes.len()), Some(MAX_STREAM_DATA));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_reads_is_given_up() {
    let (mut stream, header, connection, mut daemon) = console().await;
    for _ in 0..17 {
        daemon.data(header, Status::Continue, &vec![b'x'; MAX_STREAM_DATA]).await;
    }
    assert_eq!(piece(&mut daemon).await, (Status::Error, Bytes::new()));
    let mut read = 0;
    let error = loop {
        match soon(stream.read()).await {
            Ok(bytes) => read += bytes.unwrap().len(),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, RpcError::Overrun), "{error:?}");
    assert_eq!(read, b"login: ".len() + 15 * MAX_STREAM_DATA);
    assert!(!connection.is_closed());
}

#[tokio::test(start_paused = true)]
async fn what_a_daemon_said_before_it_went_is_heard() {
    // A write that fails and a read that is ready race: many times, so that both come first.
    for _ in 0..32 {
        let (mut stream, header, connection, mut daemon) = console().await;
        daemon.data(header, Status::Continue, b"").await;
        drop(daemon);
        assert!(matches!(soon(connection.version()).await, Err(RpcError::Closed)));
        assert!(soon(stream.read()).await.unwrap().is_some());
        assert_eq!(soon(stream.read()).await.unwrap(), None);
        assert!(matches!(soon(stream.write(b"x")).await, Err(RpcError::Closed)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_finish_that_the_daemon_refuses_says_why() {
    let (stream, header, connection, mut daemon) = console().await;
    let talk = async {
        let (status, _) = piece(&mut daemon).await;
        assert_eq!(status, Status::Ok);
        let data = Header { kind: Kind::Stream, ..header };
        daemon.refuse(data, code::VIR_ERR_SYSTEM_ERROR, "no space left").await;
    };
    let (finished, ()) = soon(async { tokio::join!(stream.finish(), talk) }).await;
    assert_eq!(finished.unwrap_err().code(), Some(code::VIR_ERR_SYSTEM_ERROR));
    assert!(!connection.is_closed());
}

/// A provider calls from tasks that move between threads.
fn sendable(_: impl Send) {}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_goes_ends_its_streams() {
    let (mut stream, _header, _connection, daemon) = console().await;
    drop(daemon);
    assert!(soon(stream.read()).await.unwrap().is_some());
    assert!(matches!(soon(stream.read()).await, Err(RpcError::Closed)));
    assert!(matches!(soon(stream.write(b"x")).await, Err(RpcError::Closed)));
}
