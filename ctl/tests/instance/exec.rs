//! `tamerctl instance exec` against a coordinator that is played: with plain streams, and in a
//! real terminal.

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use tamer_model::{Code, Problem};
use tamer_proto::wire;
use tonic::{Status, Streaming};
use wire::exec_request::Frame as In;
use wire::stream_in::Frame as Input;
use wire::stream_out::Frame;

use crate::play::{Out, Play, frame, sources};
use crate::stage::Stage;

type Requests = Streaming<wire::ExecRequest>;

/// Plays a command: `told` is what it says at the start, and `react` what it does about each
/// input. It ends when it says that it has.
fn command(
    requests: Requests,
    told: fn(&wire::ExecSpec) -> Vec<Frame>,
    react: fn(Input) -> Vec<Frame>,
) -> Out<wire::StreamOut> {
    let frames = stream::unfold((requests, false), move |(mut requests, over)| async move {
        if over {
            return None;
        }
        let frames = match requests.message().await {
            Ok(Some(wire::ExecRequest { frame: Some(In::Open(open)) })) => {
                let mut frames = told(&open.spec.unwrap_or_default());
                frames.insert(0, Frame::Started(wire::StreamStarted {}));
                frames
            }
            Ok(Some(wire::ExecRequest { frame: Some(In::Input(input)) })) => {
                input.frame.map(react).unwrap_or_default()
            }
            Ok(Some(wire::ExecRequest { frame: None }) | None) | Err(_) => return None,
        };
        let over = frames.iter().any(|frame| matches!(frame, Frame::ExecEnded(_)));
        Some((stream::iter(frames), (requests, over)))
    });
    let frames = frames.flatten().map(|one| Ok::<_, Status>(frame(0, one)));
    stream::iter([Ok(sources(&["web/a"]))]).chain(frames).boxed()
}

fn end(code: i32) -> Frame {
    Frame::ExecEnded(wire::ExecEnded { exit_code: Some(code) })
}

fn text(text: impl Into<String>) -> Frame {
    Frame::Stdout(Bytes::from(text.into().into_bytes()))
}

async fn echo() -> Stage {
    let exec = |requests| {
        command(
            requests,
            |spec| match spec.argv[0].as_str() {
                "false" => vec![Frame::Stderr("no\n".as_bytes().into()), end(3)],
                "env" => {
                    let mut env: Vec<_> = spec.env.iter().collect();
                    env.sort();
                    vec![text(format!("{env:?} {} {}\n", spec.workdir, spec.user)), end(0)]
                }
                "killed" => vec![Frame::ExecEnded(wire::ExecEnded { exit_code: None })],
                "missing" => {
                    vec![Frame::Problem(Problem::new(Code::NotFound, "no such program").into())]
                }
                "stdin?" => vec![text(format!("{}\n", spec.stdin)), end(0)],
                _ => Vec::new(),
            },
            |input| match input {
                Input::Stdin(bytes) => vec![Frame::Stdout(bytes)],
                Input::StdinEnd(wire::StdinEnd {}) => vec![end(7)],
                Input::Resize(_) => Vec::new(),
            },
        )
    };
    Stage::open(Play { exec: Box::new(exec), ..Play::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_as_the_command_ends() {
    let stage = echo().await;
    let failed = stage.run("instance exec a -- false").await.with(3);
    assert_eq!((&*failed.stdout, &*failed.stderr), ("", "no\n"), "the command's words alone");
    let env = stage.run("instance exec -e A=1 -e B=2 -w /srv -u app a -- env -x").await.with(0);
    assert_eq!(env.stdout, "[(\"A\", \"1\"), (\"B\", \"2\")] /srv app\n");
    let killed = stage.run("instance exec a -- killed").await.with(1);
    assert!(killed.stderr.contains("signal"), "{killed:?}");
    let missing = stage.run("instance exec a -- missing").await.with(1);
    assert!(missing.stderr.contains("[not-found]"), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_piped_in_comes_back_whole() {
    let stage = echo().await;
    let long: Vec<u8> = (0..16_000_000u32).map(|at| b'a' + (at % 23) as u8).collect();
    let ended = stage.run_with("instance exec -i a -- cat", &long).await.with(7);
    assert!(ended.stdout.as_bytes() == long, "{} of {} bytes", ended.stdout.len(), long.len());
    let unread = stage.run_with("instance exec a -- stdin?", b"not for you").await.with(0);
    assert_eq!(unread.stdout, "false\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_needs_one() {
    let ended = echo().await.run("instance exec -it a -- sh").await.with(2);
    assert!(ended.stderr.contains("tty") && ended.stderr.contains("remedy"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_not_the_commands_end() {
    let exec = |_| {
        let frames = [sources(&["web/a"]), frame(0, Frame::Started(wire::StreamStarted {}))];
        stream::iter(frames.map(Ok)).boxed()
    };
    let stage = Stage::open(Play { exec: Box::new(exec), ..Play::default() }).await;
    let ended = stage.run("instance exec a -- sleep 9").await.with(3);
    assert!(ended.stderr.contains("lost"), "{ended:?}");
}

#[cfg(target_os = "linux")]
mod in_a_terminal {
    use std::time::Duration;

    use nix::sys::signal::Signal;

    use super::*;
    use crate::terminal::Terminal;

    fn size(size: wire::TerminalSize) -> Frame {
        text(format!("size {}x{}\r\n", size.columns, size.rows))
    }

    /// A shell that tells every key it got, as numbers, and ends with `q`.
    async fn shell() -> Stage {
        let exec = |requests| {
            command(
                requests,
                |spec| spec.terminal.map(size).into_iter().collect(),
                |input| match input {
                    Input::Stdin(bytes) if &bytes[..] == b"q" => vec![text("bye\r\n"), end(5)],
                    Input::Stdin(bytes) => vec![text(format!("keys {:?}\r\n", &bytes[..]))],
                    Input::StdinEnd(wire::StdinEnd {}) => vec![text("end\r\n")],
                    Input::Resize(to) => vec![size(to)],
                },
            )
        };
        Stage::open(Play { exec: Box::new(exec), ..Play::default() }).await
    }

    fn enter(stage: &Stage, more: &[&str]) -> Terminal {
        let line = ["instance", "exec", "-it"];
        let line: Vec<_> = line.iter().chain(more).chain(&["a", "--", "sh"]).copied().collect();
        let mut terminal = Terminal::start(&line, &stage.context(), 91, 33);
        terminal.wait_for("size 91x33\r\n");
        // The command's first words came; the change of the terminal is not far.
        let until = std::time::Instant::now() + Duration::from_secs(60);
        while terminal.is_cooked() {
            assert!(std::time::Instant::now() < until, "the terminal stays cooked");
            std::thread::sleep(Duration::from_millis(5));
        }
        terminal
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn keys_go_to_the_command_as_they_are() {
        let stage = shell().await;
        let mut terminal = enter(&stage, &[]);
        // Ctrl-C, Ctrl-D, Ctrl-Z and an arrow, which a cooked terminal would keep for itself.
        for (keys, told) in [
            (&b"\x03"[..], "keys [3]\r\n"),
            (b"\x04", "keys [4]\r\n"),
            (b"\x1a", "keys [26]\r\n"),
            (b"\x1b[A", "keys [27, 91, 65]\r\n"),
            ("é".as_bytes(), "keys [195, 169]\r\n"),
        ] {
            terminal.type_(keys);
            terminal.wait_for(told);
        }
        terminal.resize(120, 40);
        terminal.wait_for("size 120x40\r\n");
        terminal.type_(b"q");
        terminal.wait_for("bye\r\n");
        assert_eq!(terminal.ended().code(), Some(5));
        assert!(terminal.is_cooked(), "as it was");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_keys_that_leave_leave() {
        let stage = shell().await;
        let mut terminal = enter(&stage, &[]);
        terminal.type_(b"\x10");
        terminal.type_(b"x");
        terminal.wait_for("keys [16, 120]\r\n");
        terminal.type_(b"\x10\x11");
        terminal.wait_for("left the terminal\r\n");
        assert_eq!(terminal.ended().code(), Some(0));
        assert!(terminal.is_cooked(), "as it was");

        let mut terminal = enter(&stage, &["--detach-keys", "~,."]);
        terminal.type_(b"\x10\x11");
        terminal.wait_for("keys [16, 17]\r\n");
        terminal.type_(b"~.");
        terminal.wait_for("left the terminal\r\n");
        assert_eq!(terminal.ended().code(), Some(0));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_signal_leaves_the_terminal_as_it_was() {
        let stage = shell().await;
        for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGHUP, 129), (Signal::SIGINT, 130)]
        {
            let mut terminal = enter(&stage, &[]);
            terminal.signal(signal);
            assert_eq!(terminal.ended().code(), Some(code));
            assert!(terminal.is_cooked(), "as it was after {signal}");
        }
    }
}
