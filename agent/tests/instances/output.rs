//! The whole output of a task, from the coordinator's side of the connection.
#![cfg(unix)]

use tamer_model::{BatchId, CommandSpec, HostId, Outcome, StreamKind, StreamRequest, TaskId, Work};
use tamer_proto::wire;
use wire::stream_out::Frame;

use crate::coordinator::{Bulk, Host};

fn task(number: u8) -> TaskId {
    TaskId::of_host(BatchId::from_bytes([number; 10]), HostId::from_bytes([5; 10]))
}

fn shell(text: &str) -> Work {
    Work::Command(CommandSpec { shell: true, output_limit: 1000, ..CommandSpec::new([text]) })
}

fn output(task: TaskId, stdout_from: u64, follow: bool) -> StreamRequest {
    StreamRequest::Output { task, stdout_from, stderr_from: 0, follow }
}

/// What a stream told.
#[derive(Debug, Default)]
struct Heard {
    out: Vec<u8>,
    err: Vec<u8>,
    /// The last frame that was no output.
    last: Option<Frame>,
}

/// Reads to the end, or until so many bytes of standard output have come.
async fn read(bulk: &mut Bulk, heard: &mut Heard, from: u64, enough: usize) {
    while heard.out.len() < enough {
        let Some((0, frame)) = bulk.next().await else { return };
        let Frame::Written(piece) = frame else {
            heard.last = Some(frame);
            continue;
        };
        assert!(piece.data.len() <= 32 * 1024, "{}", piece.data.len());
        let kind = wire::StreamKind::try_from(piece.stream).expect("known");
        let (so_far, from) = match kind.try_into().expect("known") {
            StreamKind::Stdout => (&mut heard.out, from),
            StreamKind::Stderr => (&mut heard.err, 0),
        };
        assert_eq!(piece.offset, from + so_far.len() as u64, "a gap");
        so_far.extend_from_slice(&piece.data);
    }
}

async fn all(host: &Host, ticket: &str, request: StreamRequest, from: u64) -> Heard {
    let mut heard = Heard::default();
    let mut bulk = host.coordinator.open(ticket, request).await;
    read(&mut bulk, &mut heard, from, usize::MAX).await;
    heard
}

fn lines(range: std::ops::RangeInclusive<u32>) -> Vec<u8> {
    range.map(|number| format!("{number}\n")).collect::<String>().into_bytes()
}

#[tokio::test]
async fn the_whole_output_is_read_while_it_is_written_and_after() {
    let host = Host::start(1, 3).await;
    let go = tempfile::tempdir().expect("a folder");
    let gate = go.path().join("go");
    let text = "seq 1 300000; echo oops >&2; until [ -e GATE ]; do sleep 0.02; done; seq 7 9";
    let text = text.replace("GATE", &gate.display().to_string());
    host.coordinator.start(task(1), shell(&text)).await;
    host.coordinator.begun(task(1)).await;
    // One follows from the beginning; another begins in the middle; a third reads nothing yet.
    let begun = lines(1..=300_000);
    let mut first = host.coordinator.open("first", output(task(1), 0, true)).await;
    let mut slow = host.coordinator.open("slow", output(task(1), 0, true)).await;
    let mut heard = Heard::default();
    read(&mut first, &mut heard, 0, begun.len()).await;
    assert!(heard.out == begun, "it runs, and all that it wrote is there");
    let middle = begun.len() as u64 / 2;
    let now = all(&host, "now", output(task(1), middle, false), middle).await;
    assert!(now.out == begun[middle as usize..] && matches!(now.last, Some(Frame::Ended(_))));
    std::fs::write(&gate, "").expect("written");
    let whole = [begun, lines(7..=9)].concat();
    read(&mut first, &mut heard, 0, usize::MAX).await;
    assert!(heard.out == whole && heard.err == b"oops\n");
    assert!(matches!(heard.last, Some(Frame::Ended(_))), "{:?}", heard.last);
    // Stored, so the host forgets it; whoever reads still has it all.
    let (end, kept) = host.coordinator.end(task(1)).await;
    assert_eq!(end.outcome, Outcome::Succeeded);
    assert!(end.usage.is_some_and(|usage| usage.cpu_ms > 0), "{end:?}");
    assert_eq!(kept.stdout.total, whole.len() as u64);
    let mut late = Heard::default();
    read(&mut slow, &mut late, 0, usize::MAX).await;
    assert!(late.out == whole && matches!(late.last, Some(Frame::Ended(_))));
    let gone = all(&host, "gone", output(task(1), 0, false), 0).await;
    let Some(Frame::Problem(problem)) = gone.last else { panic!("{:?}", gone.last) };
    assert_eq!(problem.code, "not-found");
}

#[tokio::test]
async fn what_the_spool_has_no_room_for_is_a_gap_and_the_newest_is_there() {
    let limits = [("TAMER_AGENT_OUTPUT_SPOOL_TASK", "128KiB")];
    let host = Host::with(1, 3, &limits).await;
    host.coordinator.start(task(2), shell("seq 1 100000")).await;
    host.coordinator.begun(task(2)).await;
    let whole = lines(1..=100_000);
    // It has ended, and its end is not stored.
    let ended = host.coordinator.until(0, |said| {
        use wire::agent_message::Message;
        said.iter().any(|said| matches!(said, Message::TaskEnded(_))).then_some(())
    });
    ended.await;
    let mut bulk = host.coordinator.open("newest", output(task(2), 0, true)).await;
    let (mut begins, mut heard) = (None, Vec::new());
    while let Some((_, frame)) = bulk.next().await {
        if let Frame::Written(piece) = frame {
            begins.get_or_insert(piece.offset);
            heard.extend_from_slice(&piece.data);
        }
    }
    let begins = begins.expect("something") as usize;
    assert!((1..=128 * 1024).contains(&heard.len()) && heard == whole[begins..]);
    assert_eq!(begins + heard.len(), whole.len());
}
