//! The room as its callers see it, on a real folder.

use std::path::Path;
use std::time::Duration;

use aws_lc_rs::digest;
use bytes::Bytes;
use tamer_model::{Code, Content, Fingerprint, Problem, Timestamp};
use tokio::time::Instant;

use super::shelf::Stat;
use super::writer::{Begun, Writer};
use super::{ContentLimits, Contents, MAX_CHUNK};

const LATER: Timestamp = Timestamp::from_millis(u64::MAX);
const WHOLE: fn(u64) -> Stat = |have| Stat { have, complete: true };
const PART: fn(u64) -> Stat = |have| Stat { have, complete: false };

/// Bytes that differ everywhere, and their content.
fn some(length: usize, seed: u8) -> (Vec<u8>, Content) {
    let bytes: Vec<u8> = (0..length).map(|n| (n / 251) as u8 ^ (n as u8) ^ seed).collect();
    let digest = digest::digest(&digest::SHA256, &bytes);
    let digest = Fingerprint::from_bytes(digest.as_ref().try_into().expect("32 bytes"));
    (bytes, Content { digest, size: length as u64 })
}

fn open(folder: &Path) -> Contents {
    open_with(folder, ContentLimits::default())
}

fn open_with(folder: &Path, limits: ContentLimits) -> Contents {
    Contents::open(&folder.join("contents"), limits).expect("it opens")
}

async fn writer(contents: &Contents, content: Content, offset: u64) -> Result<Writer, Problem> {
    match contents.writer(content, offset).await? {
        Begun::Writer(writer) => Ok(writer),
        Begun::Whole(_) => panic!("it is there already"),
    }
}

async fn write(writer: &mut Writer, bytes: &[u8]) -> Result<(), Problem> {
    for chunk in bytes.chunks(MAX_CHUNK) {
        writer.write(writer.written(), Bytes::copy_from_slice(chunk)).await?;
    }
    Ok(())
}

async fn put(contents: &Contents, bytes: &[u8], content: Content) -> Result<Stat, Problem> {
    let mut writer = writer(contents, content, 0).await?;
    write(&mut writer, bytes).await?;
    writer.finish().await
}

async fn read(contents: &Contents, content: Content, offset: u64) -> Result<Vec<u8>, Problem> {
    let mut reader = contents.reader(content, offset).await?;
    let mut all = Vec::new();
    while let Some((at, chunk)) = reader.next().await? {
        assert_eq!(at, offset + all.len() as u64);
        all.extend_from_slice(&chunk);
    }
    Ok(all)
}

fn code<T>(done: Result<T, Problem>) -> (Code, String) {
    let problem = done.err().expect("a problem");
    (problem.code, problem.field.unwrap_or_default())
}

#[tokio::test]
async fn what_was_put_is_read_from_any_offset_also_by_the_next_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let (bytes, content) = some(3 * MAX_CHUNK + 17, 1);
    let (nothing, empty) = some(0, 0);
    let contents = open(folder.path());
    assert_eq!(put(&contents, &bytes, content).await, Ok(WHOLE(content.size)));
    assert_eq!(put(&contents, &nothing, empty).await, Ok(WHOLE(0)));
    for contents in [contents, open(folder.path())] {
        assert_eq!(contents.stat(content).await, Ok(WHOLE(content.size)));
        assert_eq!(contents.has_all(&[content, empty]), None);
        for offset in [0, 1, MAX_CHUNK, bytes.len()] {
            let got = read(&contents, content, offset as u64).await.expect("it reads");
            assert!(got == bytes[offset..], "from {offset}");
        }
        let beyond = read(&contents, content, content.size + 1).await;
        assert_eq!(code(beyond), (Code::InvalidField, "offset".into()));
        assert!(matches!(contents.writer(content, 0).await, Ok(Begun::Whole(_))));
    }
}

#[tokio::test]
async fn what_was_cut_is_gone_on_with() {
    let folder = tempfile::tempdir().expect("a folder");
    let (bytes, content) = some(5 * MAX_CHUNK, 2);
    let contents = open(folder.path());
    let mut first = writer(&contents, content, 0).await.expect("a writer");
    write(&mut first, &bytes[..2 * MAX_CHUNK]).await.expect("written");
    let cut = code(first.finish().await);
    assert_eq!(cut, (Code::InvalidField, "content.size".into()));
    // A process that was killed says nothing to anybody: another one finds the part.
    for contents in [contents, open(folder.path())] {
        assert_eq!(contents.stat(content).await, Ok(PART(2 * MAX_CHUNK as u64)));
        assert!(!contents.has(content));
        assert_eq!(code(read(&contents, content, 0).await).0, Code::NotFound);
        let ahead = contents.writer(content, 3 * MAX_CHUNK as u64).await;
        assert_eq!(code(ahead), (Code::InvalidField, "offset".into()));
    }
    let contents = open(folder.path());
    let mut second = writer(&contents, content, 2 * MAX_CHUNK as u64).await.expect("a writer");
    let twice = second.write(0, Bytes::from_static(b"x")).await;
    assert_eq!(code(twice), (Code::InvalidField, "chunk.offset".into()));
    write(&mut second, &bytes[2 * MAX_CHUNK..]).await.expect("written");
    let more = second.write(content.size, Bytes::from_static(b"x")).await;
    assert_eq!(code(more), (Code::InvalidField, "chunk.data".into()));
    assert_eq!(second.finish().await, Ok(WHOLE(content.size)));
    assert!(read(&contents, content, 0).await == Ok(bytes));
}

#[tokio::test]
async fn what_changed_on_the_way_is_not_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut bytes, content) = some(2 * MAX_CHUNK, 3);
    let contents = open(folder.path());
    bytes[MAX_CHUNK] ^= 1;
    let changed = put(&contents, &bytes, content).await;
    assert_eq!(code(changed), (Code::InvalidField, "content.digest".into()));
    assert_eq!((contents.stat(content).await, contents.bytes()), (Ok(PART(0)), 0));
    // Nor is a part that changed behind our back, as after a power cut.
    let mut first = writer(&contents, content, 0).await.expect("a writer");
    write(&mut first, &bytes[..MAX_CHUNK]).await.expect("written");
    drop(first);
    let part = contents.folder().part(&content.digest);
    std::fs::write(&part, vec![0; MAX_CHUNK]).expect("written");
    let contents = open(folder.path());
    let mut second = writer(&contents, content, MAX_CHUNK as u64).await.expect("a writer");
    bytes[MAX_CHUNK] ^= 1;
    write(&mut second, &bytes[MAX_CHUNK..]).await.expect("written");
    assert_eq!(code(second.finish().await).0, Code::InvalidField);
    assert!(!part.exists() && !contents.has(content));
    assert_eq!(put(&contents, &bytes, content).await, Ok(WHOLE(content.size)));
    // The same bytes under another size are no content.
    let longer = Content { size: content.size + 1, ..content };
    assert_eq!(code(contents.stat(longer).await), (Code::InvalidField, "content.size".into()));
    assert_eq!(contents.has_all(&[content, longer]), Some(longer));
}

#[tokio::test]
async fn a_content_has_one_writer() {
    let folder = tempfile::tempdir().expect("a folder");
    let (bytes, content) = some(MAX_CHUNK, 4);
    let contents = open(folder.path());
    let mut first = writer(&contents, content, 0).await.expect("a writer");
    assert_eq!(code(contents.writer(content, 0).await).0, Code::Busy);
    let soon = Instant::now() + Duration::from_millis(20);
    assert_eq!(code(contents.writer_after_others(content, 0, soon).await).0, Code::Busy);
    let waiting = {
        let contents = contents.clone();
        let late = Instant::now() + Duration::from_secs(20);
        tokio::spawn(async move { contents.writer_after_others(content, 0, late).await })
    };
    write(&mut first, &bytes).await.expect("written");
    first.finish().await.expect("it is whole");
    assert!(matches!(waiting.await.expect("no panic"), Ok(Begun::Whole(_))));
}

#[tokio::test]
async fn there_is_room_for_so_much() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = ContentLimits { max_bytes: 3 * 65_536, ..ContentLimits::default() };
    let contents = open_with(folder.path(), limits.clone());
    let (one, a) = some(MAX_CHUNK, 5);
    let (two, b) = some(2 * MAX_CHUNK, 6);
    let (_, c) = some(1, 7);
    put(&contents, &one, a).await.expect("there is room");
    // Room is set aside before the first byte comes.
    let sending = writer(&contents, b, 0).await.expect("there is room");
    assert_eq!(code(contents.writer(c, 0).await).0, Code::ResourceExhausted);
    drop(sending);
    put(&contents, &two, b).await.expect("there is room");
    for contents in [contents.clone(), open_with(folder.path(), limits)] {
        assert_eq!(contents.bytes(), 3 * 65_536);
        assert_eq!(code(contents.writer(c, 0).await).0, Code::ResourceExhausted);
    }
    assert_eq!(contents.remove(vec![a.digest], LATER).await, Ok(1));
    let (byte, c) = some(1, 7);
    put(&contents, &byte, c).await.expect("there is room again");
    let huge = Content { size: u64::MAX, ..a };
    assert_eq!(code(contents.writer(huge, 0).await), (Code::InvalidField, "content.size".into()));
}

#[tokio::test]
async fn what_nobody_used_since_goes() {
    let folder = tempfile::tempdir().expect("a folder");
    let contents = open(folder.path());
    let (bytes, content) = some(10, 8);
    put(&contents, &bytes, content).await.expect("put");
    let (more, cut) = some(20, 9);
    let mut part = writer(&contents, cut, 0).await.expect("a writer");
    part.write(0, Bytes::copy_from_slice(&more[..5])).await.expect("written");
    let before = Timestamp::from_millis(1);
    assert_eq!(contents.idle(before), []);
    assert_eq!(contents.remove(vec![content.digest], before).await, Ok(0));
    assert_eq!(contents.idle(LATER), [content.digest]);
    // What is being written is not removed.
    assert_eq!(contents.remove(contents.idle(LATER), LATER).await, Ok(1));
    assert_eq!(contents.stat(content).await, Ok(PART(0)));
    drop(part);
    assert_eq!(contents.remove(Vec::new(), LATER).await, Ok(1));
    assert_eq!((contents.stat(cut).await, contents.bytes()), (Ok(PART(0)), 0));
    assert_eq!(open(folder.path()).bytes(), 0, "no file is left");
}

#[tokio::test]
async fn what_a_crash_leaves_is_put_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let (bytes, content) = some(10, 10);
    put(&open(folder.path()), &bytes, content).await.expect("put");
    let shelf = open(folder.path()).folder().whole(&content.digest);
    let part = open(folder.path()).folder().part(&content.digest);
    std::fs::write(&part, b"old").expect("written");
    std::fs::write(shelf.with_file_name("notes.txt"), b"a person's own").expect("written");
    let contents = open(folder.path());
    assert!(contents.has(content) && !part.exists());
    assert!(shelf.with_file_name("notes.txt").exists());
    assert_eq!(contents.bytes(), 4096);
}
