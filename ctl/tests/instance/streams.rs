//! Logs and stats, as they come.

use std::process::Stdio;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use serde_json::Value;
use tamer_model::{Code, Problem};
use tamer_proto::wire;
#[cfg(unix)]
use tokio::io::{AsyncBufReadExt, BufReader};
use wire::stream_out::Frame;

use crate::play::{Out, Play, frame, sources};
use crate::stage::Stage;

fn ended() -> Frame {
    Frame::Ended(wire::SourceEnded {})
}

/// Plays these frames.
fn frames(frames: Vec<wire::StreamOut>) -> Out<wire::StreamOut> {
    stream::iter(frames.into_iter().map(Ok)).boxed()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_log_passes_as_it_is() {
    const PIECES: u32 = 2048;
    const PIECE: usize = 32 * 1024;
    let logs = |_| {
        let piece = |at: u32| {
            // Each piece differs, has bytes that are no text, and lines that it does not end.
            let mut bytes = vec![b'x'; PIECE];
            bytes[..4].copy_from_slice(&at.to_be_bytes());
            bytes[PIECE / 2] = b'\n';
            frame(0, Frame::Stdout(bytes.into()))
        };
        let pieces = (0..PIECES).map(move |at| Ok(piece(at)));
        let before = stream::iter([Ok(sources(&["web/a"]))]);
        before.chain(stream::iter(pieces)).chain(stream::iter([Ok(frame(0, ended()))])).boxed()
    };
    let stage = Stage::open(Play { logs: Box::new(logs), ..Play::default() }).await;
    let path = stage.path("log");
    let file = std::fs::File::create(&path).expect("a file");
    let begun = Instant::now();
    let mut command = stage.command(["instance", "logs", "a", "--tail", "7", "-t"]);
    let status = command.stdout(file).stderr(Stdio::null()).status();
    let status = tokio::time::timeout(Duration::from_secs(120), status).await;
    assert_eq!(status.expect("in time").expect("runs").code(), Some(0));
    let took = begun.elapsed();
    let bytes = std::fs::read(&path).expect("reads");
    assert_eq!(bytes.len(), PIECES as usize * PIECE);
    for (at, piece) in bytes.chunks(PIECE).enumerate() {
        assert_eq!(piece[..4], (at as u32).to_be_bytes(), "in order");
    }
    let rate = bytes.len() as f64 / 1e6 / took.as_secs_f64();
    tell(&format!("a log of {} MB passed at {rate:.0} MB/s", bytes.len() / 1_000_000));
    let asked = stage.asked.logs.lock().expect("a lock").pop().expect("asked");
    let options = asked.options.expect("options");
    assert_eq!((options.tail, options.timestamps, options.follow), (Some(7), true, false));
}

/// Tells a figure to whoever reads the test's output.
fn tell(figure: &str) {
    use std::io::Write;
    writeln!(std::io::stderr(), "{figure}").expect("told");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_logs_never_mix_their_lines() {
    let logs = |_| {
        let out =
            |source, text: &str| frame(source, Frame::Stdout(text.as_bytes().to_vec().into()));
        frames(vec![
            sources(&["web/a", "web/long"]),
            out(0, "one\ntw"),
            out(1, "eins\nzw"),
            frame(1, Frame::Stderr("oh\n".as_bytes().into())),
            out(0, "o\n"),
            out(1, "ei"),
            frame(0, Frame::Problem(Problem::new(Code::NotFound, "removed").into())),
            frame(1, ended()),
        ])
    };
    let stage = Stage::open(Play { logs: Box::new(logs), ..Play::default() }).await;
    let ended = stage.run("instance logs --all").await.with(1);
    insta::assert_snapshot!(ended.stdout, @r"
    a    | one
    long | eins
    a    | two
    long | zwei
    ");
    let stderr = anstream::adapter::strip_str(&ended.stderr).to_string();
    insta::assert_snapshot!(stderr, @r"
    long | oh
    error: a: removed
    [not-found]
    ");
    let bare = stage.run("instance logs --all --prefix never").await.with(1);
    assert_eq!(bare.stdout, "one\neins\ntwo\nzwei\n");
    let json = stage.run("instance logs --all -o json").await.with(1).stdout;
    let lines: Vec<Value> =
        json.lines().map(|line| serde_json::from_str(line).expect("json")).collect();
    assert_eq!(lines.len(), 5);
    assert_eq!((&lines[2]["name"], &lines[2]["stream"]), (&"long".into(), &"stderr".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_breaks_off_is_no_success() {
    let logs = |_| {
        let text = Frame::Stdout("half".as_bytes().into());
        frames(vec![sources(&["web/a"]), frame(0, text)])
    };
    let stage = Stage::open(Play { logs: Box::new(logs), ..Play::default() }).await;
    let ended = stage.run("instance logs a").await.with(1);
    assert_eq!(ended.stdout, "half");
    assert!(ended.stderr.contains("broke off"), "{ended:?}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_has_enough_ends_the_log_quietly() {
    let logs = |_| {
        let endless = stream::repeat_with(|| {
            Ok(frame(0, Frame::Stdout("line\n".repeat(1000).into_bytes().into())))
        });
        stream::iter([Ok(sources(&["web/a"]))]).chain(endless).boxed()
    };
    let stage = Stage::open(Play { logs: Box::new(logs), ..Play::default() }).await;
    let mut child = stage.command(["instance", "logs", "-f", "a"]).spawn().expect("starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    assert_eq!(lines.next_line().await.expect("reads").as_deref(), Some("line"));
    drop(lines);
    let ended = tokio::time::timeout(Duration::from_secs(60), child.wait_with_output()).await;
    let ended = ended.expect("in time").expect("ends");
    assert_eq!((ended.status.code(), &*ended.stderr), (Some(0), &b""[..]));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_leaves_a_log_quietly_even_when_nobody_reads() {
    let logs = |_| {
        let endless = stream::repeat_with(|| {
            Ok(frame(0, Frame::Stdout("line\n".repeat(1000).into_bytes().into())))
        });
        stream::iter([Ok(sources(&["web/a"]))]).chain(endless).boxed()
    };
    let stage = Stage::open(Play { logs: Box::new(logs), ..Play::default() }).await;
    let mut child = stage.command(["instance", "logs", "-f", "a"]).spawn().expect("starts");
    // One line is read, and the pipe stays full from then on.
    let mut lines = BufReader::with_capacity(16, child.stdout.take().expect("piped")).lines();
    assert_eq!(lines.next_line().await.expect("reads").as_deref(), Some("line"));
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).expect("it runs");
    let interrupt = nix::sys::signal::Signal::SIGINT;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), interrupt).expect("a signal");
    let status = tokio::time::timeout(Duration::from_secs(60), child.wait()).await;
    assert_eq!(status.expect("in time").expect("ends").code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn stats_are_rates_for_people_and_counters_for_scripts() {
    let stats = |request: wire::StatsRequest| {
        let sample = |at: u64| {
            let sample = wire::InstanceStats {
                at: at * 1000,
                cpu_ns: Some(at * 500_000_000),
                memory_bytes: Some(1 << 20),
                pids: Some(2),
                ..wire::InstanceStats::default()
            };
            Ok(frame(0, Frame::Stats(sample)))
        };
        let before = stream::iter([Ok(sources(&["web/a"]))]);
        match request.every_ms {
            0 => before.chain(stream::iter([sample(1), Ok(frame(0, ended()))])).boxed(),
            _ => before.chain(stream::iter((1..).map(sample))).boxed(),
        }
    };
    let stage = Stage::open(Play { stats: Box::new(stats), ..Play::default() }).await;
    let shown = stage.run("instance stats --no-stream").await.with(0).stdout;
    insta::assert_snapshot!(shown, @r"
    NAME  HOST  CPU%  MEM / LIMIT  NET I/O  BLOCK I/O  PIDS
    a     web   50.0  1.0 MiB / -  -        -          2
    ");
    let json = stage.run("instance stats a --no-stream -o json").await.with(0).stdout;
    let json: Value = serde_json::from_str(&json).expect("one object");
    assert_eq!((&json["cpu_ns"], &json["network_sent_bytes"]), (&500_000_000.into(), &Value::Null));
}
