use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;
use tamer_model::{
    BatchId, HostId, JournalId, KeptOutput, Outcome, StreamKind, TaskEnd, TaskId, Timestamp,
};

use super::record::{self, Damage};
use super::*;

const AT: Timestamp = Timestamp::from_millis(7);

/// Targets of one host are tasks apart, and so are attempts at one target.
fn task(number: u8) -> TaskId {
    let batch = BatchId::from_bytes([number / 4; 10]);
    let first = TaskId::of_host(batch, HostId::from_bytes([1; 10]));
    TaskId { item: (number % 2).into(), ..first }.attempt((number / 2 % 2).into())
}

fn id() -> JournalId {
    JournalId::from_bytes([9; 10])
}

fn mark(number: u8) -> ProcessMark {
    ProcessMark { pid: number.into(), started: format!("boot/{number}") }
}

fn end(number: u8) -> (TaskEnd, KeptOutput) {
    let mut output = KeptOutput::default();
    output.stream_mut(StreamKind::Stdout).push(&[number, b'\n', 0, 255], 64);
    output.stream_mut(StreamKind::Stderr).push(&[number; 100], 10);
    (TaskEnd::without_times(Outcome::Succeeded, format!("reason\n{number}")), output)
}

fn open(folder: &std::path::Path) -> JournalFile {
    JournalFile::open(folder, id()).expect("a journal")
}

/// One step of a task's life, as the worker takes it.
#[derive(Debug, Clone)]
enum Step {
    Begin(u8, Deed),
    Next(u8, Option<u16>, Deed),
    Started(u8),
    End(u8),
    Forget(u8),
    Commit,
    /// The process dies: what was not committed is gone.
    Crash,
}

fn deeds() -> impl Strategy<Value = Deed> {
    prop_oneof![Just(Deed::Process), Just(Deed::Provider), Just(Deed::File)]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let number = 0u8..4;
    let step = prop_oneof![
        6 => (number.clone(), deeds()).prop_map(|(n, deed)| Step::Begin(n, deed)),
        3 => (number.clone(), proptest::option::of(1u16..4), deeds())
            .prop_map(|(n, step, deed)| Step::Next(n, step, deed)),
        2 => number.clone().prop_map(Step::Started),
        3 => number.clone().prop_map(Step::End),
        2 => number.prop_map(Step::Forget),
        6 => Just(Step::Commit),
        1 => Just(Step::Crash),
    ];
    proptest::collection::vec(step, 0..60)
}

/// What must be true of each task: where it stands, once committed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Model {
    Open { step: Option<u16>, deed: Deed, started: bool },
    Ended,
}

fn seen(journal: &JournalFile) -> BTreeMap<TaskId, Model> {
    let model = |held: &Held| match held {
        Held::Open(open) => {
            Model::Open { step: open.step, deed: open.deed, started: open.process.is_some() }
        }
        Held::Ended { .. } => Model::Ended,
    };
    journal.held().iter().map(|(task, held)| (*task, model(held))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Across crashes: a task is recorded at most once until it is forgotten, what was committed
    /// is there, and an end reads back as it was written.
    #[test]
    fn a_task_starts_at_most_once(steps in steps()) {
        let temp = tempfile::tempdir().expect("a folder");
        let mut journal = open(temp.path());
        let (mut durable, mut model) = (BTreeMap::new(), BTreeMap::new());
        for step in steps {
            match step {
                Step::Begin(n, deed) => {
                    let fresh = journal.begin(task(n), AT, deed) == Start::Recorded;
                    // A forgetting that is not committed yet still holds the task.
                    prop_assert_eq!(fresh, !model.contains_key(&task(n)) && !durable.contains_key(&task(n)));
                    if fresh {
                        model.insert(task(n), Model::Open { step: None, deed, started: false });
                    }
                }
                Step::Next(n, step, deed) => if let Some(Model::Open { .. }) = model.get(&task(n)) {
                    journal.next(task(n), step, deed);
                    model.insert(task(n), Model::Open { step, deed, started: false });
                },
                Step::Started(n) => if let Some(Model::Open { started, .. }) = model.get_mut(&task(n)) {
                    journal.started(task(n), mark(n));
                    *started = true;
                },
                Step::End(n) => {
                    let (end, output) = end(n);
                    if model.contains_key(&task(n)) || !durable.contains_key(&task(n)) {
                        journal.ended(task(n), end, &output);
                        model.insert(task(n), Model::Ended);
                    }
                }
                Step::Forget(n) => if durable.get(&task(n)) == Some(&Model::Ended) {
                    journal.forgotten(task(n));
                    model.remove(&task(n));
                },
                Step::Commit => {
                    journal.commit().expect("committed");
                    durable = model.clone();
                }
                Step::Crash => {
                    drop(journal);
                    journal = open(temp.path());
                    model = durable.clone();
                }
            }
            prop_assert_eq!(seen(&journal), durable.clone());
        }
        drop(journal);
        let mut journal = open(temp.path());
        prop_assert_eq!(seen(&journal), durable.clone());
        for n in 0..4 {
            let expected = (durable.get(&task(n)) == Some(&Model::Ended)).then(|| end(n));
            prop_assert_eq!(journal.read_end(task(n)).expect("read"), expected);
        }
    }

    /// A cut at any byte leaves a prefix of the records.
    #[test]
    fn a_cut_leaves_a_prefix(numbers in proptest::collection::vec(0u8..5, 1..12), cut in 0.0..1.0f64) {
        let mut bytes = record::header(id());
        for n in numbers {
            let (end, output) = end(n);
            let durable = bytes.len() as u64;
            record::frame(&mut bytes, &record::ended(task(n), end, &output), durable);
        }
        let whole = record::scan(&bytes).expect("whole");
        let cut = record::HEADER + ((bytes.len() - record::HEADER) as f64 * cut) as usize;
        let part = record::scan(&bytes[..cut]).expect("a torn tail");
        prop_assert!(part.good <= cut);
        prop_assert_eq!(&whole.found[..part.found.len()], &part.found[..]);
        prop_assert!(part.found.len() + 1 >= whole.found.iter().filter(|f| f.at + u64::from(f.len) <= cut as u64).count());
    }

    /// A changed byte is damage or costs what follows it, and is never read as something else.
    #[test]
    fn a_changed_byte_is_never_believed(at in 0usize..2000, flip in 1u8..) {
        let mut bytes = record::header(id());
        for n in 0..4 {
            let (end, output) = end(n);
            let durable = bytes.len() as u64;
            record::frame(&mut bytes, &record::ended(task(n), end, &output), durable);
        }
        let whole = record::scan(&bytes).expect("whole");
        let at = at % bytes.len();
        bytes[at] ^= flip;
        match record::scan(&bytes) {
            Ok(scan) => prop_assert_eq!(&whole.found[..scan.found.len()], &scan.found[..]),
            Err(Damage::Middle { at: found }) => prop_assert!(found <= at),
            Err(Damage::Header | Damage::Newer(_)) => prop_assert!(at < record::HEADER),
        }
    }

    #[test]
    fn any_bytes_are_a_journal_or_an_error(bytes: Vec<u8>) {
        let _ = record::scan(&bytes);
        let mut file = record::header(id());
        file.extend_from_slice(&bytes);
        prop_assert!(record::scan(&file).is_ok());
    }
}

#[test]
fn damage_before_synced_records_is_told() {
    let temp = tempfile::tempdir().expect("a folder");
    let mut journal = open(temp.path());
    for n in 0..3 {
        assert_eq!(journal.begin(task(n), AT, Deed::Process), Start::Recorded);
        journal.commit().expect("committed");
    }
    drop(journal);
    let path = temp.path().join("journal");
    let mut bytes = fs::read(&path).expect("read");
    bytes[record::HEADER + record::FRAME + 3] ^= 1;
    fs::write(&path, &bytes).expect("written");
    let error = JournalFile::open(temp.path(), id()).expect_err("damaged");
    assert!(
        matches!(error, JournalError::Damaged { source: Damage::Middle { .. }, .. }),
        "{error}"
    );
}

#[test]
fn a_newer_format_is_told() {
    let mut bytes = record::header(id());
    bytes[8] = 4;
    let crc = crc32fast::hash(&bytes[..record::HEADER - 4]);
    bytes[record::HEADER - 4..].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(record::scan(&bytes), Err(Damage::Newer(4)));
}

#[test]
fn the_file_does_not_grow_with_what_is_forgotten() {
    let temp = tempfile::tempdir().expect("a folder");
    let mut journal = open(temp.path());
    let mut output = KeptOutput::default();
    output.stream_mut(StreamKind::Stdout).push(&vec![0; 100_000], 100_000);
    for n in 0..100 {
        journal.ended(task(n), TaskEnd::refused("x"), &output);
        journal.commit().expect("committed");
        journal.forgotten(task(n));
        journal.commit().expect("committed");
    }
    let len = fs::metadata(temp.path().join("journal")).expect("there").len();
    assert!(len < 2 * 1024 * 1024, "{len}");
    assert!(journal.held().is_empty());
}

#[tokio::test]
async fn many_at_once_share_the_disk() {
    let temp = tempfile::tempdir().expect("a folder");
    let (journal, thread) = Journal::open(temp.path(), id()).expect("a journal");
    let starts = (0..64).map(|n| journal.begin(task(n), AT, Deed::Process));
    let answers = futures_util::future::join_all(starts).await;
    assert!(answers.iter().all(|answer| matches!(answer, Ok(Start::Recorded))));
    assert!(matches!(journal.begin(task(3), AT, Deed::Process).await, Ok(Start::Held(_))));
    assert_eq!(journal.held().await.expect("held").len(), 64);
    drop(journal);
    thread.join().expect("ended");
}

/// A file as version 1 of the format wrote it: the tasks of that time had no item.
#[test]
fn a_journal_of_the_first_version_is_read() {
    let task = r#"{"batch":"b-0000000000000000","host":"h-0000000000000000"}"#;
    let expected = TaskId::of_host(BatchId::from_bytes([0; 10]), HostId::from_bytes([0; 10]));
    an_older_file_is_read(1, task, expected);
}

/// And one of version 2, whose tasks had no attempt.
#[test]
fn a_journal_of_the_second_version_is_read() {
    let task = r#"{"batch":"b-0000000000000000","host":"h-0000000000000000","item":3}"#;
    let first = TaskId::of_host(BatchId::from_bytes([0; 10]), HostId::from_bytes([0; 10]));
    an_older_file_is_read(2, task, TaskId { item: 3, ..first });
}

#[track_caller]
fn an_older_file_is_read(version: u32, task: &str, expected: TaskId) {
    let temp = tempfile::tempdir().expect("a folder");
    let mut bytes = [&b"TAMERJNL"[..], &version.to_le_bytes()].concat();
    bytes.extend_from_slice(id().as_bytes());
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    let line = format!(r#"{{"record":"starting","task":{task},"at":7}}"#);
    record::frame(&mut bytes, &[line.as_bytes(), b"\n"].concat(), 0);
    let path = temp.path().join("journal");
    fs::write(&path, &bytes).expect("written");
    let journal = open(temp.path());
    let open = Open { at: AT, step: None, deed: Deed::Process, process: None };
    assert_eq!(journal.held(), &[(expected, Held::Open(open))].into());
    assert_eq!(journal.id(), id());
    let version = fs::read(&path).expect("read")[8];
    assert_eq!(version, 3, "from here on an older program must refuse the file");
}
