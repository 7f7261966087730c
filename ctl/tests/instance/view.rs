//! The live view of a batch in a real terminal: its screens, and its keys.

use std::os::unix::process::ExitStatusExt;
use std::sync::Mutex;

use futures_util::stream::{self, StreamExt};
use nix::sys::signal::Signal;
use tamer_proto::wire;
use tokio::sync::mpsc;
use wire::batch_event::Event;

use crate::play::Play;
use crate::stage::Stage;
use crate::terminal::Terminal;

/// The coordinator's clock when the scenes play, in milliseconds since 1970.
const NOW: u64 = 1_700_000_000_000;

/// A batch as a scene tells of it.
fn batch(targets: u32, stand: wire::Stand) -> wire::Batch {
    let rollout = wire::Rollout {
        canary: "10".to_owned(),
        waves: "each".to_owned(),
        sizes: vec!["200".to_owned()],
        max_in_flight: "50".to_owned(),
        on_trip: "pause".to_owned(),
        ..wire::Rollout::default()
    };
    let command = wire::CommandSpec {
        argv: ["apt-get", "-y", "upgrade"].map(str::to_owned).to_vec(),
        ..wire::CommandSpec::default()
    };
    wire::Batch {
        id: "b-1".to_owned(),
        state: "running".to_owned(),
        action: Some(wire::Action { action: Some(wire::action::Action::Command(command)) }),
        summary: "apt-get -y upgrade".to_owned(),
        targets,
        created_by: "eve".to_owned(),
        created_at: NOW - 125_000,
        rollout: Some(rollout),
        stand: Some(wire::Stand { since: NOW - 65_000, ..stand }),
        now: NOW,
        ..wire::Batch::default()
    }
}

fn wave(wave: u32, of: u32) -> wire::Stand {
    wire::Stand { stand: "wave".to_owned(), wave, of, ..wire::Stand::default() }
}

fn stands(word: &str, reason: &str) -> wire::Stand {
    wire::Stand { stand: word.to_owned(), reason: reason.to_owned(), ..wire::Stand::default() }
}

fn task(name: &str, state: &str) -> wire::Task {
    wire::Task {
        host: format!("h-{name}"),
        name: name.to_owned(),
        state: state.to_owned(),
        ..wire::Task::default()
    }
}

fn runs(name: &str, seconds: u64) -> Event {
    Event::Task(wire::Task { started_at: Some(NOW - seconds * 1000), ..task(name, "running") })
}

fn ends(name: &str, end: wire::TaskEnd, printed: &str) -> Event {
    let stdout =
        wire::KeptStream { head: printed.into(), tail: Vec::new(), total: printed.len() as u64 };
    let output = wire::KeptOutput { stdout: Some(stdout), ..wire::KeptOutput::default() };
    Event::Task(wire::Task { end: Some(end), output: Some(output), ..task(name, "") })
}

fn ok(name: &str, printed: &str) -> Event {
    ends(name, outcome(wire::Outcome::Succeeded), printed)
}

fn failed(name: &str, printed: &str) -> Event {
    let end = wire::TaskEnd { exit_code: Some(100), ..outcome(wire::Outcome::Failed) };
    ends(name, end, printed)
}

fn outcome(outcome: wire::Outcome) -> wire::TaskEnd {
    wire::TaskEnd { outcome: outcome.into(), ..wire::TaskEnd::default() }
}

fn prints(name: &str, text: &str) -> Event {
    Event::Output(wire::OutputChunk {
        host: format!("h-{name}"),
        stream: wire::StreamKind::Stdout.into(),
        offset: 0,
        data: text.as_bytes().to_vec().into(),
        item: 0,
    })
}

/// 60 targets in the second wave, with everything that can be in one.
fn second_wave(stand: wire::Stand) -> Vec<Event> {
    let mut events = vec![Event::Batch(batch(410, stand))];
    for number in 0..52 {
        events.push(ok(&format!("web-{number:03}"), "12 upgraded\n0 removed\n"));
    }
    events.push(ok("web-900", "11 upgraded\n0 removed\n"));
    events.push(failed("db-1", "E: no space left on device\n"));
    let unreachable = wire::TaskEnd {
        reason: "lost for 2 min".to_owned(),
        unsent: "unreachable".to_owned(),
        ..outcome(wire::Outcome::NeverStarted)
    };
    events.push(ends("gone", unreachable, ""));
    events.push(runs("web-200", 3725));
    events.push(prints("web-200", "unpacking linux-image\r62%\x1b[K\n"));
    events.push(runs("web-201", 12));
    events.push(Event::Task(task("web-202", "dispatched")));
    events.push(Event::Snapshotted(wire::Snapshotted {}));
    events
}

/// Opens a stage whose batch tells these events, and then what is sent.
async fn told(events: Vec<Event>, play: Play) -> (Stage, mpsc::Sender<Event>) {
    let (send, later) = mpsc::channel(100);
    let later = Mutex::new(Some(later));
    let play = Play {
        events: Some(Box::new(move |_| {
            let later = later.lock().expect("a lock").take().expect("one watch");
            let later = stream::unfold(later, async |mut later| {
                let event = later.recv().await?;
                Some((event, later))
            });
            let events = stream::iter(events.clone()).chain(later);
            events.map(|event| Ok(wire::BatchEvent { event: Some(event) })).boxed()
        })),
        ..play
    };
    (Stage::open(play).await, send)
}

fn open(stage: &Stage, columns: u16, rows: u16) -> Terminal {
    Terminal::start(&["batch", "watch", "b-1"], &stage.context(), columns, rows)
}

/// The digits of times as `#`: `2m05s` is `#m##s`. Their columns stay as they are.
fn timeless(screen: &str) -> String {
    let word = |word: &str| {
        let bare = word.trim_end_matches(',');
        let units = bare.trim_start_matches(|c: char| c.is_ascii_digit()).chars().next();
        let all = bare.chars().all(|c| c.is_ascii_digit() || "dhms".contains(c));
        match bare.starts_with(|c: char| c.is_ascii_digit()) && units.is_some() && all {
            true => word.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect(),
            false => word.to_owned(),
        }
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    screen.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Plays a scene on terminals of both sizes, and holds its screens to the ones that are kept.
async fn scene(name: &str, events: Vec<Event>, shows: &str) {
    for (columns, rows) in [(80, 24), (200, 50)] {
        let (stage, _later) = told(events.clone(), Play::default()).await;
        let name = format!("{name}_{columns}x{rows}");
        let mut terminal = open(&stage, columns, rows);
        let shown = terminal.wait_for_frame(shows);
        assert!(terminal.is_taken_over() && !terminal.is_cooked());
        insta::assert_snapshot!(name, timeless(&shown));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_wave_of_three() {
    scene("running", second_wave(wave(2, 3)), "wave 2 of 3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_batch() {
    let mut events = second_wave(stands("paused", ""));
    if let Event::Batch(batch) = &mut events[0] {
        batch.marks = vec![wire::Mark { at: NOW - 65_000, by: "adam".to_owned(), resumed: false }];
    }
    scene("paused", events, "paused by adam").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tripped_batch() {
    let reason = "2 targets failed or could not be reached, and 1 may";
    scene("tripped", second_wave(stands("tripped", reason)), "tripped").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_targets() {
    let mut events = vec![Event::Batch(batch(10_000, wave(46, 51)))];
    for number in 0..9100_u64 {
        let name = format!("host-{number:05}");
        events.push(match number % 100 {
            7 => failed(&name, "E: no space left on device\n"),
            11 => ok(&name, "11 upgraded\n"),
            13 => runs(&name, 3600 + number),
            _ => ok(&name, "12 upgraded\n"),
        });
    }
    events.push(Event::Snapshotted(wire::Snapshotted {}));
    scene("many", events, "9,009 of 10,000 ended").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stays_in_the_terminal_at_the_end() {
    for (columns, rows) in [(80, 24), (200, 50)] {
        let (stage, later) = told(second_wave(wave(2, 3)), Play::default()).await;
        let mut terminal = open(&stage, columns, rows);
        terminal.wait_for_frame("wave 2 of 3");
        for name in ["web-200", "web-201", "web-202"] {
            later.send(ok(name, "12 upgraded\n0 removed\n")).await.expect("a watch");
        }
        let mut over = batch(58, stands("done", ""));
        over.state = "failed".to_owned();
        over.ended_at = Some(NOW);
        let counts = wire::BatchCounts {
            succeeded: 56,
            failed: 1,
            never_started: 1,
            unreachable: 1,
            ..wire::BatchCounts::default()
        };
        over.counts = Some(counts);
        later.send(Event::Batch(over)).await.expect("a watch");
        drop(later);
        let (status, shown) = (terminal.ended(), terminal.shown());
        assert_ne!(status.code(), Some(0), "some target failed");
        assert!(!terminal.is_taken_over() && terminal.is_cooked(), "it is as it was before");
        insta::assert_snapshot!(format!("done_{columns}x{rows}"), shown);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_host_is_opened() {
    for (columns, rows) in [(80, 24), (200, 50)] {
        let read_output = |_: wire::ReadOutputRequest| {
            let piece = |stream: wire::StreamKind, offset, text: &str| {
                let data = text.as_bytes().to_vec().into();
                let piece = wire::OutputPiece { stream: stream.into(), offset, data };
                Ok(wire::OutputRead { event: Some(wire::output_read::Event::Piece(piece)) })
            };
            let pieces = [
                piece(wire::StreamKind::Stdout, 0, "Reading package lists\nUnpacking "),
                piece(wire::StreamKind::Stderr, 0, "W: \x1b[31mold key\x1b[0m\n"),
                piece(wire::StreamKind::Stdout, 32, "linux-image\n"),
                // What its agent had no room to keep.
                piece(wire::StreamKind::Stdout, 144, "Setting up linux-image\n"),
            ];
            // It goes on until its reader goes.
            stream::iter(pieces).chain(stream::pending()).boxed()
        };
        let play = Play { read_output: Box::new(read_output), ..Play::default() };
        let (stage, _later) = told(second_wave(wave(2, 3)), play).await;
        let mut terminal = open(&stage, columns, rows);
        terminal.wait_for_frame("wave 2 of 3");
        terminal.type_(b"\x1b[B");
        terminal.wait_for_frame("> web-200");
        terminal.type_(b"\r");
        let shown = terminal.wait_for_frame("Setting up");
        insta::assert_snapshot!(format!("host_{columns}x{rows}"), timeless(&shown));
        terminal.type_(b"\x1b");
        terminal.wait_for_frame("> web-200");
        let asked = stage.asked.outputs.lock().expect("a lock").clone();
        let expected = wire::ReadOutputRequest {
            batch: "b-1".to_owned(),
            host: "h-web-200".to_owned(),
            follow: true,
            ..wire::ReadOutputRequest::default()
        };
        assert_eq!(asked, [expected]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_pause_and_resume_and_cancel() {
    let (stage, later) = told(second_wave(wave(2, 3)), Play::default()).await;
    let mut terminal = open(&stage, 80, 24);
    let done = || stage.asked.done.lock().expect("a lock").clone();
    terminal.wait_for_frame("wave 2 of 3");
    terminal.type_(b"p");
    terminal.wait_for_frame("paused: nothing more is sent");
    assert_eq!(done(), ["pause b-1"]);
    later.send(Event::Batch(batch(410, stands("paused", "")))).await.expect("a watch");
    terminal.wait_for_frame("p lets it go on");
    terminal.type_(b"p");
    terminal.wait_for_frame("it goes on");
    terminal.type_(b"cn");
    terminal.type_(b"c");
    terminal.wait_for_frame("cancel the batch and its 355 open targets? y/n");
    assert_eq!(done(), ["pause b-1", "resume b-1"], "a no is a no");
    terminal.type_(b"y");
    terminal.wait_for_frame("being cancelled");
    assert_eq!(done().last().expect("one"), "cancel b-1");
    // Ctrl-C is the same once more, and then the way out.
    terminal.type_(b"\x03");
    terminal.wait_for_frame("press Ctrl-C again");
    terminal.type_(b"\x03");
    let status = terminal.ended();
    assert_eq!(status.code(), Some(1));
    assert!(terminal.shown().contains("left while b-1 is being cancelled"));
    assert!(!terminal.is_taken_over() && terminal.is_cooked(), "it is as it was before");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_is_told_how_to_come_back() {
    let (stage, _later) = told(second_wave(wave(2, 3)), Play::default()).await;
    let mut terminal = open(&stage, 80, 24);
    terminal.wait_for_frame("wave 2 of 3");
    terminal.type_(b"?");
    terminal.wait_for_frame("any key closes it");
    terminal.type_(b"x");
    terminal.wait_for_frame("wave 2 of 3");
    terminal.type_(b"q");
    let status = terminal.ended();
    assert_eq!(status.code(), Some(1), "nobody knows yet how it ends");
    let shown = terminal.shown();
    assert!(shown.contains("b-1 goes on") && shown.contains("tamerctl batch watch b-1"), "{shown}");
    assert!(!terminal.is_taken_over() && terminal.is_cooked(), "it is as it was before");
    assert!(stage.asked.done.lock().expect("a lock").is_empty(), "nothing was done to the batch");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_size_and_a_signal() {
    let (stage, _later) = told(second_wave(wave(2, 3)), Play::default()).await;
    let mut terminal = open(&stage, 80, 24);
    let narrow = terminal.wait_for_frame("wave 2 of 3");
    terminal.resize(120, 40);
    terminal.wait_for_frame("│ OUTPUT");
    terminal.resize(80, 24);
    let again = terminal.wait_for_frame("\nOUTPUT");
    assert_eq!(timeless(&again), timeless(&narrow), "nothing of the other size is left");
    // Without a shell nothing is stopped: the terminal is given back and taken over again.
    terminal.type_(b"\x1a");
    terminal.wait_for("\x1b[?1049l");
    terminal.wait_for("\x1b[?1049h");
    terminal.wait_for_frame("wave 2 of 3");
    terminal.signal(Signal::SIGTERM);
    let status = terminal.ended();
    assert_eq!((status.code(), status.signal()), (Some(143), None));
    assert!(!terminal.is_taken_over() && terminal.is_cooked(), "it is as it was before");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_batch_takes_no_terminal_over() {
    let mut events = vec![Event::Batch(batch(1, wave(1, 1))), ok("web-1", "done\n")];
    events.push(Event::Snapshotted(wire::Snapshotted {}));
    let counts = wire::BatchCounts { succeeded: 1, ..wire::BatchCounts::default() };
    let mut over = batch(1, stands("done", ""));
    (over.state, over.ended_at, over.counts) = ("succeeded".to_owned(), Some(NOW), Some(counts));
    events.push(Event::Batch(over));
    let (stage, later) = told(events, Play::default()).await;
    drop(later);
    let mut terminal = open(&stage, 80, 24);
    terminal.wait_for("1 succeeded");
    assert_eq!(terminal.ended().code(), Some(0));
    insta::assert_snapshot!("short_80x24", terminal.shown());
}
