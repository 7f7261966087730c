//! Engines that are not there, hang, break off, or answer nonsense. Played by a socket that says
//! what the test wants.
#![cfg(unix)]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{StreamExt as _, stream};
use tamer_model::{LogOptions, NativeId};
use tamer_provider::{Fault, FaultKind, ProgressSink, Provider as _};
use tamer_provider_docker::{ContainerProvider, Settings};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;
use tokio_util::task::AbortOnDropHandle;

const VERSION: &str = r#"{"Version":"0.1","ApiVersion":"1.41","MinAPIVersion":"1.12"}"#;

/// What the socket does with a request for a path.
type Script = fn(&str) -> Act;

enum Act {
    /// Answers this status and body, whole.
    Say(u16, String),
    /// Answers the head and this much of a longer body, then closes.
    Break(String),
    /// Answers the head and a body that goes on for ever.
    Flood,
    /// Says nothing.
    Hang,
}

struct Played {
    provider: ContainerProvider,
    /// Connections that were taken so far.
    taken: Arc<AtomicUsize>,
    _server: AbortOnDropHandle<()>,
    _folder: TempDir,
}

fn at(path: PathBuf) -> ContainerProvider {
    ContainerProvider::new(Settings {
        name: "docker".parse().expect("a name"),
        endpoint: Some(format!("unix://{}", path.display())),
        tls: None,
        registries: Vec::new(),
    })
}

fn play(script: Script) -> Played {
    let folder = tempfile::Builder::new().prefix("th").tempdir().expect("a folder");
    let path = folder.path().join("s");
    let listener = UnixListener::bind(&path).expect("bind");
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    let server = AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            let Ok((mut wire, _)) = listener.accept().await else { return };
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                    if wire.read_buf(&mut head).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                act(&mut wire, script(&path)).await;
            });
        }
    }));
    Played { provider: at(path), taken, _server: server, _folder: folder }
}

async fn act(wire: &mut tokio::net::UnixStream, act: Act) {
    let head = |status: u16, length: usize| {
        format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n")
    };
    match act {
        Act::Say(status, body) => {
            let text = head(status, body.len()) + &body;
            let _ = wire.write_all(text.as_bytes()).await;
        }
        Act::Break(body) => {
            let text = head(200, body.len() + 1000) + &body;
            let _ = wire.write_all(text.as_bytes()).await;
        }
        Act::Flood => {
            let _ = wire.write_all(head(200, usize::MAX >> 1).as_bytes()).await;
            while wire.write_all(&[b'{'; 4096]).await.is_ok() {}
        }
        Act::Hang => {
            let mut rest = [0; 64];
            while wire.read(&mut rest).await.unwrap_or(0) > 0 {}
        }
    }
}

fn say(body: &str) -> Act {
    Act::Say(200, body.to_owned())
}

fn id() -> NativeId {
    "abc".parse().expect("an id")
}

#[track_caller]
fn kind<T>(seen: Result<T, Fault>) -> FaultKind {
    seen.map(drop).expect_err("it cannot have worked").kind
}

#[tokio::test]
async fn nobody_there_is_told_apart_from_nobody_listening() {
    let folder = tempfile::tempdir().expect("a folder");
    let absent = at(folder.path().join("absent")).probe().await.expect_err("absent");
    assert_eq!(absent.kind, FaultKind::Unavailable);
    let left = folder.path().join("left");
    drop(std::os::unix::net::UnixListener::bind(&left).expect("bind"));
    let dead = at(left).probe().await.expect_err("dead");
    assert_eq!(dead.kind, FaultKind::Unavailable);
    assert_ne!(absent.message, dead.message);
    assert!(absent.message.contains("absent"), "{absent}");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_hangs_is_a_timeout_and_not_a_wait() {
    let silent = play(|_| Act::Hang);
    assert_eq!(kind(silent.provider.probe().await), FaultKind::Timeout);
    let sleepy = play(|path| if path == "/version" { say(VERSION) } else { Act::Hang });
    assert_eq!(kind(sleepy.provider.list().await), FaultKind::Timeout);
    assert_eq!(kind(sleepy.provider.start(&id()).await), FaultKind::Timeout);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_a_fault_and_never_a_short_answer() {
    let list = play(|path| match path {
        "/version" => say(VERSION),
        _ => Act::Break(r#"[{"Id":"a","Names":["/a"]},{"Id":"#.to_owned()),
    });
    assert_eq!(kind(list.provider.list().await), FaultKind::Unavailable);
    // Whole items, and no end.
    let neat = play(|path| match path {
        "/version" => say(VERSION),
        _ => Act::Break(r#"[{"Id":"a","Names":["/a"]}"#.to_owned()),
    });
    assert_eq!(kind(neat.provider.list().await), FaultKind::Unavailable);
    assert_eq!(kind(neat.provider.images().await), FaultKind::Unavailable);
    let logs = play(|path| match path {
        "/version" => say(VERSION),
        "/v1.41/containers/abc/json" => say(r#"{"State":{},"Config":{}}"#),
        _ => Act::Break("\u{1}\0\0\0\0\0\0\u{9}half".to_owned()),
    });
    let mut log = logs.provider.logs(&id(), &LogOptions::default()).await.expect("logs");
    let mut last = None;
    while let Some(item) = log.next().await {
        last = Some(item);
    }
    assert_eq!(kind(last.expect("an item")), FaultKind::Unavailable);
}

#[tokio::test]
async fn nonsense_is_a_fault() {
    for body in ["", "[]", "{}", "<html>", r#"{"Version":1}"#] {
        let fault = match body {
            "" => play(|_| say("")).provider.probe().await,
            "[]" => play(|_| say("[]")).provider.probe().await,
            "{}" => play(|_| say("{}")).provider.probe().await,
            "<html>" => play(|_| say("<html>")).provider.probe().await,
            _ => play(|_| say(r#"{"Version":1}"#)).provider.probe().await,
        };
        assert_eq!(kind(fault), FaultKind::Failed, "{body}");
    }
    let old = play(|_| say(r#"{"Version":"1.0","ApiVersion":"1.12"}"#));
    assert_eq!(kind(old.provider.probe().await), FaultKind::Unsupported);
    let sick = play(|path| match path {
        "/version" => say(VERSION),
        _ => Act::Say(500, r#"{"message":"write: no space left on device"}"#.to_owned()),
    });
    assert_eq!(kind(sick.provider.list().await), FaultKind::ResourceExhausted);
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let endless = play(|path| if path == "/version" { say(VERSION) } else { Act::Flood });
    assert_eq!(kind(endless.provider.list().await), FaultKind::Failed);
    assert_eq!(kind(endless.provider.describe(&id()).await), FaultKind::Failed);
    // One that bollard reads as a whole.
    let fault = endless.provider.images().await.expect_err("it has no end");
    assert_eq!(fault.kind, FaultKind::Failed, "{fault:?}");
    assert!(fault.message.contains("is longer than"), "{fault}");
    let complaint = play(|_| Act::Flood);
    assert_eq!(kind(complaint.provider.probe().await), FaultKind::Failed);
}

#[tokio::test]
async fn a_source_that_breaks_is_what_the_fault_tells() {
    let loading = play(|path| if path == "/version" { say(VERSION) } else { Act::Hang });
    let broken = || std::io::Error::other("the disk went away");
    let source = stream::iter([Ok(vec![0; 100].into()), Err(broken())]).boxed();
    let fault = loading.provider.image_load(source, &ProgressSink::none()).await.expect_err("cut");
    assert_eq!(fault.kind, FaultKind::Failed);
    assert_eq!(fault.technology.as_deref(), Some("the disk went away"));
}

#[tokio::test]
async fn an_id_cannot_reach_another_path() {
    let strict = play(|path| match path {
        "/version" => say(VERSION),
        "/v1.41/containers/..%2F..%2Finfo%3F/json" => {
            Act::Say(404, r#"{"message":"No such container: x"}"#.to_owned())
        }
        _ => say("{}"),
    });
    let odd: NativeId = "../../info?".parse().expect("an id");
    assert_eq!(kind(strict.provider.describe(&odd).await), FaultKind::NotFound);
}

#[tokio::test]
async fn an_id_cannot_reach_another_path_through_bollard() {
    let strict = play(|path| match path {
        "/version" => say(VERSION),
        "/v1.41/containers/..%2F..%2Finfo%3F/pause" => {
            Act::Say(500, r#"{"message":"it was reached"}"#.to_owned())
        }
        _ => Act::Say(204, String::new()),
    });
    let odd: NativeId = "../../info?".parse().expect("an id");
    let fault = strict.provider.pause(&odd).await.expect_err("it is refused");
    assert_eq!(fault.technology.as_deref(), Some("it was reached"));
    let asked = strict.taken.load(Ordering::SeqCst);
    let up: NativeId = "..".parse().expect("an id");
    assert_eq!(kind(strict.provider.pause(&up).await), FaultKind::NotFound);
    assert_eq!(strict.taken.load(Ordering::SeqCst), asked, "nobody was asked");
}

#[tokio::test]
async fn a_word_that_nobody_knows_stops_no_stop() {
    let newer = play(|path| match path {
        "/version" => say(VERSION),
        "/v1.41/containers/abc/json" => {
            say(r#"{"State":{"Status":"dreaming","Running":true,"Health":{"Status":"so-so"}},
                "Config":{"StopTimeout":1},"HostConfig":{"CgroupnsMode":"odd"}}"#)
        }
        "/v1.41/containers/abc/stop?t=2" => Act::Say(204, String::new()),
        _ => Act::Say(500, r#"{"message":"it was asked otherwise"}"#.to_owned()),
    });
    let grace = std::time::Duration::from_millis(1200);
    newer.provider.stop(&id(), Some(grace)).await.expect("it is stopped");
}

#[tokio::test]
async fn a_list_of_five_thousand_is_read_whole_and_soon() {
    const MANY: usize = 5000;
    let many = play(|path| {
        if path == "/version" {
            return say(VERSION);
        }
        let one = |at: usize| {
            let labels = "x".repeat(1500);
            format!(
                r#"{{"Id":"{at:064}","Names":["/c{at}"],"Image":"a:1","Created":1795245791,
                "Labels":{{"l":"{labels}"}},"State":"running","Status":"Up 1 second",
                "Ports":[{{"IP":"::","PrivatePort":80,"PublicPort":80,"Type":"tcp"}}],
                "NetworkSettings":{{"Networks":{{"n":{{"IPAddress":"10.0.0.2"}}}}}}}}"#
            )
        };
        say(&format!("[{}]", (0..MANY).rev().map(one).collect::<Vec<_>>().join(",")))
    });
    let list = many.provider.list();
    // Seconds in a build without optimisation on a loaded machine; a tenth of that in a good one.
    let list = tokio::time::timeout(std::time::Duration::from_secs(20), list).await;
    let list = list.expect("it takes too long").expect("list");
    assert_eq!(list.len(), MANY);
    assert!(list.is_sorted_by(|a, b| a.native < b.native));
}

#[tokio::test]
async fn the_engine_is_asked_who_it_is_once() {
    let played = play(|path| if path == "/version" { say(VERSION) } else { say("[]") });
    for _ in 0..3 {
        assert!(played.provider.list().await.expect("list").is_empty());
    }
    assert_eq!(played.taken.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn a_probe_again_and_again_is_a_ping() {
    static VERSIONS: AtomicUsize = AtomicUsize::new(0);
    static PINGS: AtomicUsize = AtomicUsize::new(0);
    let played = play(|path| match path {
        "/version" => {
            VERSIONS.fetch_add(1, Ordering::SeqCst);
            say(VERSION)
        }
        "/_ping" if PINGS.fetch_add(1, Ordering::SeqCst) < 2 => say("OK"),
        // It has just gone, and its successor says who that is.
        _ => Act::Say(500, "{}".to_owned()),
    });
    for _ in 0..3 {
        played.provider.probe().await.expect("it answers");
    }
    let asked = || (VERSIONS.load(Ordering::SeqCst), PINGS.load(Ordering::SeqCst));
    assert_eq!(asked(), (1, 2));
    played.provider.probe().await.expect("its successor answers");
    assert_eq!(asked(), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_lags_behind_is_not_believed() {
    static LISTS: AtomicUsize = AtomicUsize::new(0);
    let lagging = play(|path| match path {
        "/version" => say(VERSION),
        "/v1.41/containers/abc/json" => {
            say(r#"{"State":{"Status":"exited","Running":false},"Config":{}}"#)
        }
        _ => match LISTS.fetch_add(1, Ordering::SeqCst) {
            0..3 => say(r#"[{"Id":"abc","Names":["/a"],"State":"running","Status":"Up 1 hour"}]"#),
            _ => say(r#"[{"Id":"abc","Names":["/a"],"State":"exited","Status":"Exited (1) now"}]"#),
        },
    });
    let seen = lagging.provider.get(&id()).await.expect("it is there");
    assert_eq!((seen.state, seen.exit_code), (tamer_model::InstanceState::Stopped, Some(1)));
    assert_eq!(LISTS.load(Ordering::SeqCst), 4);
}
