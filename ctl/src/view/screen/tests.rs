//! Scenes: what happened, and what the screen says of it.

use proptest::prelude::*;
use tamer_model::{
    Amount, KeptStream, OnTrip, Outcome, Pause, Problem, Rollout, Stand, StreamKind, TaskEnd,
    Unsent, WaveSizes,
};

use super::{Key, Screen, Size, Wish};
use crate::api::{BatchEvent, Chunk, Moved};
use crate::contract::{Batch, BatchState, Counts, Mark, Standing, Task, TaskState, Time};
use crate::output::{Line, Tone};
use crate::view::board::Board;
use crate::view::board::tests::{ended, kept, task};
use crate::view::summary::tests::batch;

/// When the scenes play, by the coordinator's clock.
const NOW: u64 = 1_700_000_000_000;

/// A board and its screen, at one moment.
#[derive(Default)]
struct Scene {
    board: Board,
    screen: Screen,
    now: u64,
}

impl Scene {
    fn of(batch: Batch) -> Self {
        let mut scene = Self { now: NOW, ..Self::default() };
        scene.tell(BatchEvent::Batch(batch));
        scene
    }

    fn tell(&mut self, event: BatchEvent) {
        for change in self.board.apply(event) {
            self.screen.apply(change, Time::of(self.now));
        }
    }

    fn runs(&mut self, name: &str, seconds: u64, text: &str) {
        let started_at = Some(Time::of(self.now - seconds * 1000));
        let task = task(name, TaskState::Running, KeptStream::default());
        self.tell(BatchEvent::Task(Task { started_at, ..task }));
        self.prints(name, text);
    }

    fn prints(&mut self, name: &str, text: &str) {
        self.tell(BatchEvent::Output(Chunk {
            host: format!("h-{name}"),
            item: 0,
            stream: StreamKind::Stdout,
            offset: 0,
            data: text.into(),
        }));
    }

    fn ends(&mut self, name: &str, outcome: Outcome, text: &str) {
        self.tell(BatchEvent::Task(task(name, ended(outcome), kept(text))));
    }

    fn press(&mut self, keys: &[Key]) -> Vec<Wish> {
        keys.iter().filter_map(|key| self.screen.press(*key, &self.board)).collect()
    }

    fn lines(&mut self, columns: usize, rows: usize) -> Vec<Line> {
        self.screen.resize(Size { columns, rows });
        self.screen.settle(&self.board);
        let lines = self.screen.lines(&self.board, Time::of(self.now));
        assert!(lines.len() <= rows, "{} lines on {rows} rows", lines.len());
        for line in &lines {
            assert!(line.columns() <= columns, "{:?} on {columns} columns", line.text());
            assert!(!line.text().contains(char::is_control), "{:?}", line.text());
        }
        lines
    }

    fn shown(&mut self, columns: usize, rows: usize) -> String {
        let lines = self.lines(columns, rows);
        let lines = lines.iter().map(|line| line.text().trim_end().to_owned());
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn waves(targets: u32, stand: Stand) -> Batch {
    let rollout = Rollout {
        canary: Some(Amount::Count(10)),
        waves: WaveSizes::Each(Amount::Count(200)),
        max_in_flight: Some(Amount::Count(50)),
        ..Rollout::default()
    };
    Batch {
        state: BatchState::Running,
        rollout,
        stand: Some(Standing { stand, since: Time::of(NOW - 65_000) }),
        created_at: Time::of(NOW - 125_000),
        ended_at: None,
        now: Time::of(NOW),
        ..batch(targets, Counts::default())
    }
}

const FAILED: Outcome = Outcome::Failed { exit_code: Some(3), signal: None };

/// A second wave with everything in it that can be in one.
fn second_wave() -> Scene {
    let mut scene = Scene::of(waves(410, Stand::Wave { wave: 2, of: 3 }));
    for number in 0..30 {
        scene.ends(&format!("web-{number:03}"), Outcome::Succeeded, "Linux 6.1\nbash 5.2\n");
    }
    scene.tell(BatchEvent::Snapshotted);
    for number in 30..60 {
        scene.now += 100;
        scene.ends(&format!("web-{number:03}"), Outcome::Succeeded, "Linux 6.1\nbash 5.2\n");
    }
    scene.ends("db-1", Outcome::Succeeded, "Linux 5.15\nbash 5.2\n");
    scene.ends("db-2", FAILED, "no space left on device\n");
    scene.ends("db-3", Outcome::TimedOut, "");
    let never = TaskEnd::never_started(Unsent::Unreachable, "lost for 2 min");
    scene.tell(BatchEvent::Task(task("gone", TaskState::Ended(never), kept(""))));
    scene.runs("slow", 3725, "copying\rcopied 17 of 20\n");
    scene.runs("web-100", 12, "\x1b[31munpacking\n");
    scene.tell(BatchEvent::Task(task("silent", TaskState::Dispatched, kept(""))));
    scene
}

#[test]
fn a_wave_under_way() {
    let mut scene = second_wave();
    insta::assert_snapshot!("wave_80x24", scene.shown(80, 24));
    insta::assert_snapshot!("wave_200x50", scene.shown(200, 50));
    insta::assert_snapshot!("wave_40x12", scene.shown(40, 12));
}

#[test]
fn the_time_left_is_told_where_it_has_a_basis() {
    let mut scene = second_wave();
    assert!(scene.shown(80, 24).contains("11/s, about 31s left"), "{}", scene.shown(80, 24));
    let mut between = waves(410, Stand::Wave { wave: 2, of: 3 });
    between.rollout.pause = Pause::UntilResumed;
    scene.tell(BatchEvent::Batch(between));
    assert!(scene.shown(80, 24).contains("about 13s left of this wave"), "{}", scene.shown(80, 24));
    scene.tell(BatchEvent::Batch(waves(410, Stand::Paused)));
    assert!(!scene.shown(80, 24).contains("left"), "{}", scene.shown(80, 24));
    // All but a few ended, and these are slower than all others: nobody knows how slow.
    scene.tell(BatchEvent::Batch(waves(67, Stand::Wave { wave: 3, of: 3 })));
    assert!(
        scene.shown(80, 24).contains("waiting for the last 3 targets"),
        "{}",
        scene.shown(80, 24)
    );
}

#[test]
fn how_it_stands_and_what_one_can_do() {
    let mut scene = second_wave();
    let mut stands = String::new();
    let mark = |resumed| Mark { at: Time::of(NOW), by: "eve\x1b".to_owned(), resumed };
    let until = Some(tamer_model::Timestamp::from_millis(NOW + 48_000));
    for (stand, on_trip) in [
        (Stand::Wave { wave: 3, of: 3 }, OnTrip::Stop),
        (Stand::Wave { wave: 1, of: 1 }, OnTrip::Stop),
        (Stand::Between { wave: 3, of: 3, until }, OnTrip::Stop),
        (Stand::Between { wave: 3, of: 3, until: None }, OnTrip::Stop),
        (Stand::Paused, OnTrip::Stop),
        (Stand::Tripped("4 failed, and 3 may".to_owned()), OnTrip::Stop),
        (Stand::Tripped("4 failed, and 3 may".to_owned()), OnTrip::Pause),
        (Stand::Tripped("4 failed, and 3 may".to_owned()), OnTrip::Undo),
        (Stand::Ending("its time ran out".to_owned()), OnTrip::Stop),
    ] {
        let mut batch = waves(410, stand);
        batch.rollout.on_trip = on_trip;
        batch.marks = vec![mark(true), mark(false)];
        scene.tell(BatchEvent::Batch(batch));
        let shown = scene.shown(80, 24);
        let keys = shown.lines().last().unwrap_or_default();
        let told: Vec<_> = shown.lines().skip(1).take_while(|line| !line.contains('█')).collect();
        stands += &format!("{}\n    {keys}\n", told.join("\n"));
    }
    insta::assert_snapshot!(stands);
}

#[test]
fn files_show_how_far_they_are() {
    let mut scene = Scene::of(waves(3, Stand::Wave { wave: 1, of: 1 }));
    scene.runs("web-1", 5, "");
    for (name, done) in [("web-1", 30 << 20), ("web-2", 120 << 20)] {
        let host = format!("h-{name}");
        scene.tell(BatchEvent::Progress(Moved { host, item: 0, done, total: 120 << 20 }));
    }
    let shown = scene.shown(80, 24);
    assert!(shown.contains("web-1      5s  25% of 120.0 MiB"), "{shown}");
    assert!(shown.contains("150.0 MiB of 240.0 MiB moved"), "{shown}");
}

#[test]
fn keys_choose_and_open() {
    let mut scene = second_wave();
    scene.lines(80, 24);
    assert_eq!(scene.press(&[Key::Down, Key::Down]), []);
    assert!(scene.shown(80, 24).contains("> web-100"), "{}", scene.shown(80, 24));
    // The chosen one stays the chosen one while others come and go.
    scene.runs("older", 9000, "");
    assert!(scene.shown(80, 24).contains("> web-100"), "{}", scene.shown(80, 24));
    // When it is gone, the one in its place is next.
    scene.ends("web-100", Outcome::Succeeded, "");
    assert!(scene.shown(80, 24).contains("> silent"), "{}", scene.shown(80, 24));
    scene.press(&[Key::End]);
    let shown = scene.shown(80, 24);
    assert!(shown.contains("> db-2"), "{shown}");
    let opened = scene.press(&[Key::Enter]);
    let place = scene.screen.host().expect("a page").place();
    assert_eq!(opened, [Wish::Open(place)]);
    assert_eq!(&*scene.board.rows()[place].name, "db-2");
    assert_eq!(scene.press(&[Key::Back]), [Wish::Close]);
    assert!(scene.shown(80, 24).contains("IN FLIGHT"));
}

#[test]
fn a_host_is_read_whole() {
    let mut scene = second_wave();
    scene.lines(80, 24);
    scene.press(&[Key::Enter]);
    let waiting = scene.shown(80, 8);
    assert!(waiting.contains("slow  running 1h02m") && waiting.contains("asking"), "{waiting}");
    let page = scene.screen.host().expect("a page");
    page.piece(StreamKind::Stdout, 0, b"one\ntwo\n");
    page.piece(StreamKind::Stderr, 4, b"warning\x1b[2J\n");
    page.piece(StreamKind::Stdout, 8, b"three\nfour\nfive\nhalf");
    insta::assert_snapshot!("host_60x8", scene.shown(60, 8));
    scene.press(&[Key::Home]);
    let top = scene.shown(60, 8);
    assert!(top.contains("\none\n") && top.contains("more below"), "{top}");
    // Who reads at the top goes on reading there.
    scene.screen.host().expect("a page").piece(StreamKind::Stdout, 28, b" done\nsix\n");
    assert!(scene.shown(60, 8).contains("\none\n"), "{}", scene.shown(60, 8));
    scene.press(&[Key::End]);
    scene.screen.host().expect("a page").ended();
    assert!(scene.shown(60, 8).contains("half done\nsix\n"), "{}", scene.shown(60, 8));
    let broken = Problem::new(tamer_model::Code::NotFound, "gone").message;
    scene.screen.host().expect("a page").broken(broken);
    assert!(scene.shown(60, 8).contains("\ngone"), "{}", scene.shown(60, 8));
}

#[test]
fn a_flood_is_kept_within_bounds() {
    let mut scene = second_wave();
    scene.lines(80, 24);
    scene.press(&[Key::Enter]);
    let page = scene.screen.host().expect("a page");
    let piece = b"a line\n".repeat(1000);
    for number in 0..100 {
        page.piece(StreamKind::Stdout, number * piece.len() as u64, &piece);
    }
    let shown = scene.shown(80, 24);
    assert!(shown.contains("80,000 earlier lines are not kept here"), "{shown}");
}

#[test]
fn a_cancel_is_confirmed() {
    let mut scene = second_wave();
    scene.lines(80, 24);
    assert_eq!(scene.press(&[Key::Char('c')]), []);
    let asked = scene.shown(80, 24);
    assert!(asked.contains("cancel the batch and its 346 open targets? y/n"), "{asked}");
    assert_eq!(scene.press(&[Key::Char('n'), Key::Char('y')]), [], "only the answer counts");
    assert_eq!(scene.press(&[Key::Char('c'), Key::Char('y')]), [Wish::Cancel]);
    assert_eq!(scene.press(&[Key::Interrupt]), [Wish::Interrupt]);
    let pressed = scene.press(&[Key::Char('p'), Key::Char('q'), Key::Char('?'), Key::Char('q')]);
    assert_eq!(pressed, [Wish::Pause, Wish::Leave], "the help takes any key");
    scene.tell(BatchEvent::Batch(waves(410, Stand::Paused)));
    assert_eq!(scene.press(&[Key::Char('p')]), [Wish::Resume]);
}

#[test]
fn remarks_stay_until_a_key_is_pressed() {
    let mut scene = second_wave();
    scene.screen.remark(Tone::Bad, "it\ncannot");
    assert!(scene.shown(80, 24).contains("it\\ncannot"));
    scene.press(&[Key::Up]);
    assert!(!scene.shown(80, 24).contains("cannot"));
}

#[test]
fn ten_thousand_targets_fit_any_terminal() {
    let mut scene = ten_thousand();
    insta::assert_snapshot!("many_80x24", scene.shown(80, 24));
    scene.press(&[Key::End]);
    let last = scene.shown(80, 24);
    assert!(last.contains("> host-00007"), "the oldest failure is the last: {last}");
}

fn ten_thousand() -> Scene {
    let mut scene = Scene::of(waves(10_000, Stand::Wave { wave: 20, of: 51 }));
    for number in 0..9000 {
        let name = format!("host-{number:05}");
        match number % 100 {
            7 => scene.ends(&name, FAILED, &format!("no space on disk {}\n", number % 7)),
            11 => scene.ends(&name, Outcome::Succeeded, "another thing\n"),
            13 => scene.runs(&name, 10_000 - number, "working\n"),
            _ => scene.ends(&name, Outcome::Succeeded, "done\n"),
        }
    }
    scene
}

#[test]
fn any_terminal_will_do() {
    let sizes = [(1, 1), (2, 1), (20, 5), (3, 2), (80, 1), (12, 3), (79, 9), (119, 10), (500, 200)];
    for columns_rows in sizes {
        for mut scene in [Scene::default(), Scene::of(waves(0, Stand::Done)), second_wave()] {
            for keys in [&[][..], &[Key::Char('c')], &[Key::Enter], &[Key::Char('?')]] {
                scene.lines(columns_rows.0, columns_rows.1);
                scene.press(keys);
                scene.lines(columns_rows.0, columns_rows.1);
            }
        }
    }
    let mut scene = second_wave();
    insta::assert_snapshot!("tiny_20x5", scene.shown(20, 5));
}

/// A key, or something that happens.
#[derive(Debug, Clone)]
enum Step {
    Press(Key),
    Runs(u8),
    Ends(u8, bool, String),
    Prints(u8, String),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let keys = [
        Key::Up,
        Key::Down,
        Key::PageUp,
        Key::PageDown,
        Key::Home,
        Key::End,
        Key::Enter,
        Key::Back,
        Key::Char('c'),
        Key::Char('?'),
        Key::Char('p'),
    ];
    let step = prop_oneof![
        prop::sample::select(keys.to_vec()).prop_map(Step::Press),
        any::<u8>().prop_map(Step::Runs),
        (any::<u8>(), any::<bool>(), ".{0,90}").prop_map(|(at, ok, text)| Step::Ends(at, ok, text)),
        (any::<u8>(), ".{0,90}").prop_map(|(at, text)| Step::Prints(at, text)),
    ];
    prop::collection::vec(step, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever happens and whatever is pressed: no line is wider than the terminal, no more of
    /// them than rows, and nothing in them that drives a terminal.
    #[test]
    fn nothing_ever_wraps(steps in steps(), columns in 1usize..220, rows in 1usize..60) {
        let mut scene = Scene::of(waves(40, Stand::Wave { wave: 2, of: 3 }));
        scene.lines(columns, rows);
        for step in steps {
            match step {
                Step::Press(key) => drop(scene.press(&[key])),
                Step::Runs(at) => scene.runs(&format!("二-{at}"), at.into(), ""),
                Step::Ends(at, ok, text) => {
                    let outcome = if ok { Outcome::Succeeded } else { FAILED };
                    scene.ends(&format!("二-{at}"), outcome, &text);
                }
                Step::Prints(at, text) => {
                    scene.prints(&format!("二-{at}"), &text);
                    if let Some(page) = scene.screen.host() {
                        page.piece(StreamKind::Stderr, 0, text.as_bytes());
                    }
                }
            }
            scene.lines(columns, rows);
        }
    }
}

/// 10,000 targets with 20 events each and ten pictures a second over what would be a minute. Run
/// it in release: `cargo test --release -p tamerctl -- --ignored costs_little`.
#[test]
#[ignore = "it measures, which tells something of an optimised program only"]
fn a_large_batch_costs_little() {
    let begin = std::time::Instant::now();
    let mut scene = Scene::of(waves(10_000, Stand::Wave { wave: 2, of: 51 }));
    scene.tell(BatchEvent::Snapshotted);
    let mut events = 0;
    for round in 0..18_u64 {
        for number in 0..10_000 {
            let name = format!("host-{number:05}");
            match round {
                0 => scene.runs(&name, number % 60, ""),
                _ => scene.tell(BatchEvent::Output(Chunk {
                    host: format!("h-{name}"),
                    item: 0,
                    stream: StreamKind::Stdout,
                    offset: (round - 1) * 20,
                    data: b"one line of output.\n".to_vec(),
                })),
            }
            events += 1;
            if events % 350 == 0 {
                scene.lines(200, 50);
            }
        }
    }
    for number in 0..10_000 {
        let name = format!("host-{number:05}");
        let outcome = if number % 50 == 0 { FAILED } else { Outcome::Succeeded };
        scene.ends(&name, outcome, if number % 500 == 1 { "other\n" } else { "one\n" });
        if number % 17 == 0 {
            scene.lines(200, 50);
        }
    }
    let took = begin.elapsed();
    assert!(took.as_secs_f64() < 1.0, "{} events took {took:?}", events + 10_000);
}
