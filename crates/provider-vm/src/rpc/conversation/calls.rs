use tokio::io::AsyncReadExt;

use super::super::packet::Program;
use super::super::{RpcError, code, procedure};
use super::*;

#[tokio::test(start_paused = true)]
async fn a_call_is_these_bytes() {
    let (ours, mut theirs) = tokio::io::duplex(1024);
    let connection = Connection::drive(ours);
    let talk = async {
        let mut call = [0; 28];
        theirs.read_exact(&mut call).await.unwrap();
        // Length, program, version, procedure 4, a call, the first serial, no status.
        let expected = "0000001c 20008086 00000001 00000004 00000000 00000001 00000000";
        assert_eq!(hex(&call), expected);
        let reply = "00000024 20008086 00000001 00000004 00000001 00000001 00000000 \
                     00000000 006ad921";
        theirs.write_all(&unhex(reply)).await.unwrap();
    };
    let (version, ()) = tokio::join!(soon(connection.version()), talk);
    assert_eq!(version.unwrap(), 7_002_401);
}

#[tokio::test(start_paused = true)]
async fn replies_come_in_any_order() {
    let (connection, mut daemon) = open().await;
    let (name, version, talk) = (connection.hostname(), connection.version(), async {
        let name = daemon.expect(procedure::CONNECT_GET_HOSTNAME).await.header;
        let version = daemon.expect(procedure::CONNECT_GET_VERSION).await.header;
        assert_ne!(name.serial, version.serial);
        daemon.reply(version, &42u64).await;
        daemon.reply(name, &"host".to_owned()).await;
    });
    let (name, version, ()) = soon(async { tokio::join!(name, version, talk) }).await;
    assert_eq!((name.unwrap().as_str(), version.unwrap()), ("host", 42));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_why_and_harms_no_other_call() {
    let (connection, mut daemon) = open().await;
    let talk = async {
        let call = daemon.expect(procedure::DOMAIN_LOOKUP_BY_NAME).await.header;
        daemon.refuse(call, code::VIR_ERR_NO_DOMAIN, "Domain not found").await;
        let call = daemon.receive().await.header;
        assert_eq!((call.program, call.procedure), (Program::Qemu, 3));
        daemon.refuse(call, code::VIR_ERR_RPC, "unknown procedure: 3").await;
    };
    let web = domain();
    let calls = async {
        (connection.lookup_name("web").await, connection.agent_command(&web, "{}", 1).await)
    };
    let ((lookup, agent), ()) = soon(async { tokio::join!(calls, talk) }).await;
    let said = lookup.unwrap_err();
    assert!(
        matches!(&said, RpcError::Remote { code: 42, domain: 10, message } if message == "Domain not found"),
        "{said:?}"
    );
    assert_eq!(agent.unwrap_err().code(), Some(code::VIR_ERR_NO_SUPPORT));
    assert!(!connection.is_closed());
}

#[tokio::test(start_paused = true)]
async fn the_reply_to_a_dropped_call_is_forgotten() {
    let (connection, mut daemon) = open().await;
    let dropped = tokio::select! {
        _ = connection.hostname() => None,
        call = daemon.expect(procedure::CONNECT_GET_HOSTNAME) => Some(call.header),
    };
    let talk = async {
        let call = daemon.expect(procedure::CONNECT_GET_VERSION).await.header;
        daemon.reply(dropped.unwrap(), &"late".to_owned()).await;
        daemon.reply(call, &1u64).await;
    };
    let (version, ()) = soon(async { tokio::join!(connection.version(), talk) }).await;
    assert_eq!(version.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_the_bound_wait_for_others() {
    let (connection, mut daemon) = open().await;
    let mut waiting = Vec::new();
    for _ in 0..300 {
        let connection = connection.clone();
        waiting.push(tokio::spawn(async move { connection.version().await }));
    }
    let mut calls = Vec::new();
    for _ in 0..256 {
        calls.push(daemon.expect(procedure::CONNECT_GET_VERSION).await.header);
    }
    let more = tokio::time::timeout(LIMIT, wire::read(&mut daemon.0)).await;
    assert!(more.is_err(), "a call too many: {more:?}");
    for call in calls {
        daemon.reply(call, &1u64).await;
    }
    for _ in 256..300 {
        let call = daemon.expect(procedure::CONNECT_GET_VERSION).await.header;
        daemon.reply(call, &1u64).await;
    }
    for call in waiting {
        assert_eq!(soon(call).await.unwrap().unwrap(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_ping_is_answered() {
    let (_connection, mut daemon) = open().await;
    let ping = "0000001c 6b656570 00000001 00000001 00000002 00000000 00000000";
    daemon.0.write_all(&unhex(ping)).await.unwrap();
    let mut pong = [0; 28];
    soon(daemon.0.read_exact(&mut pong)).await.unwrap();
    let expected = "0000001c 6b656570 00000001 00000002 00000002 00000000 00000000";
    assert_eq!(hex(&pong), expected);
}

#[tokio::test(start_paused = true)]
async fn polkit_is_asked_and_sasl_is_refused() {
    for (way, allowed) in [(2, true), (1, false)] {
        let (ours, theirs) = tokio::io::duplex(1024);
        let mut daemon = Daemon(theirs);
        let talk = async {
            let ask = daemon.expect(procedure::AUTH_LIST).await.header;
            daemon.reply(ask, &vec![way]).await;
            if allowed {
                let polkit = daemon.expect(procedure::AUTH_POLKIT).await.header;
                daemon.reply(polkit, &1i32).await;
                let open = daemon.expect(procedure::CONNECT_OPEN).await.header;
                daemon.reply(open, &()).await;
            }
        };
        let (opened, ()) = tokio::join!(soon(Connection::over(ours, "test:///default")), talk);
        assert_eq!(opened.is_ok(), allowed, "{opened:?}");
    }
}

fn hex(bytes: &[u8]) -> String {
    let words: Vec<String> = bytes
        .chunks(4)
        .map(|word| word.iter().map(|byte| format!("{byte:02x}")).collect())
        .collect();
    words.join(" ")
}

fn unhex(words: &str) -> Vec<u8> {
    words
        .split_whitespace()
        .flat_map(|word| u32::from_str_radix(word, 16).unwrap().to_be_bytes())
        .collect()
}
