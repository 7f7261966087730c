//! Scripts and files.

use anyhow::{Result, ensure};
use played::{Agent, batch, end, join, person};
use tamer_model::Code;
use tamer_proto::{problem_of, wire};
use tokio_stream::StreamExt as _;
use tonic::{Status, Streaming};
use wire::action::Action;
use wire::control_client::ControlClient;

use crate::played::{self, LIMIT};
use crate::support::Coordinator;

type People = ControlClient<tonic::transport::Channel>;

const CHUNK: usize = 64 * 1024;

/// Bytes that differ everywhere, and their content.
pub fn some(length: usize, seed: u8) -> (Vec<u8>, wire::Content) {
    let bytes: Vec<u8> = (0..length).map(|n| (n / 251) as u8 ^ (n as u8) ^ seed).collect();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
    (bytes, wire::Content { digest: digest.as_ref().to_vec(), size: length as u64 })
}

fn chunks(bytes: &[u8], from: usize) -> Vec<wire::ContentChunk> {
    let piece = |(n, data): (usize, &[u8])| wire::ContentChunk {
        offset: (from + n * CHUNK) as u64,
        data: bytes::Bytes::copy_from_slice(data),
    };
    bytes[from..].chunks(CHUNK).enumerate().map(piece).collect()
}

/// Sends a content from `from` on.
pub async fn put(
    people: &mut People,
    bytes: &[u8],
    content: &wire::Content,
    from: usize,
) -> Result<wire::StatContentResponse, Status> {
    use wire::put_content_request::Frame;
    let open = Frame::Open(wire::StatContentRequest { content: Some(content.clone()) });
    let frames = std::iter::once(open).chain(chunks(bytes, from).into_iter().map(Frame::Chunk));
    let messages: Vec<_> =
        frames.map(|frame| wire::PutContentRequest { frame: Some(frame) }).collect();
    Ok(people.put_content(tokio_stream::iter(messages)).await?.into_inner())
}

async fn stat(people: &mut People, content: &wire::Content) -> Result<(u64, bool), Status> {
    let request = wire::StatContentRequest { content: Some(content.clone()) };
    let stat = people.stat_content(request).await?.into_inner();
    Ok((stat.have, stat.complete))
}

/// Brings a file as a task.
async fn bring(
    agent: &Agent,
    task: &wire::TaskId,
    bytes: &[u8],
    content: &wire::Content,
) -> Result<wire::StatContentResponse, Status> {
    use wire::put_task_content_request::Frame;
    let mut calls = agent.calls.clone();
    let open =
        wire::StatTaskContentRequest { task: Some(task.clone()), content: Some(content.clone()) };
    let have = calls.stat_task_content(open.clone()).await?.into_inner().have as usize;
    let later = chunks(bytes, have).into_iter().map(Frame::Chunk);
    let messages: Vec<_> = std::iter::once(Frame::Open(open))
        .chain(later)
        .map(|frame| wire::PutTaskContentRequest { frame: Some(frame) })
        .collect();
    Ok(calls.put_task_content(tokio_stream::iter(messages)).await?.into_inner())
}

async fn get(
    agent: &Agent,
    task: &wire::TaskId,
    content: &wire::Content,
    offset: u64,
) -> Result<Vec<u8>, Status> {
    let (task, content) = (Some(task.clone()), Some(content.clone()));
    let request = wire::GetTaskContentRequest { task, content, offset };
    whole(agent.calls.clone().get_task_content(request).await?.into_inner(), offset).await
}

async fn whole(mut stream: Streaming<wire::ContentChunk>, offset: u64) -> Result<Vec<u8>, Status> {
    let mut all = Vec::new();
    while let Some(chunk) = stream.message().await? {
        assert_eq!(chunk.offset, offset + all.len() as u64);
        all.extend_from_slice(&chunk.data);
    }
    Ok(all)
}

fn refusal<T: std::fmt::Debug>(answer: Result<T, Status>) -> Code {
    problem_of(&answer.expect_err("it is refused")).code
}

fn push(content: &wire::Content) -> Action {
    let path = "/srv/x".to_owned();
    Action::Push(wire::PushFile { content: Some(content.clone()), path, ..Default::default() })
}

fn fetch(limit: u64) -> Action {
    Action::Fetch(wire::FetchFile { path: "/srv/x".into(), limit, timeout_ms: 0 })
}

#[tokio::test]
async fn an_upload_that_was_cut_is_gone_on_with_also_by_another_process() -> Result<()> {
    tamer_certs::install_crypto();
    let folder = tempfile::tempdir()?;
    let coordinator = Coordinator::start(folder.path(), &[])?;
    let mut people = person(&coordinator).await?;
    let (bytes, content) = some(10 * CHUNK + 5, 1);
    ensure!(stat(&mut people, &content).await? == (0, false));
    // Half of it comes, and then nothing: the sender is gone.
    use wire::put_content_request::Frame;
    let open = Frame::Open(wire::StatContentRequest { content: Some(content.clone()) });
    let half = chunks(&bytes, 0).into_iter().take(5).map(Frame::Chunk);
    let messages: Vec<_> = std::iter::once(open)
        .chain(half)
        .map(|frame| wire::PutContentRequest { frame: Some(frame) })
        .collect();
    let stream = tokio_stream::iter(messages).chain(tokio_stream::pending());
    let mut sender = people.clone();
    let sending = tokio::spawn(async move { sender.put_content(stream).await });
    let part = folder.path().join("contents");
    until(|| Ok(size_of(&part)? >= 5 * CHUNK as u64)).await?;
    // A second sender of the same content is told to wait.
    ensure!(refusal(put(&mut people, &bytes, &content, 0).await) == Code::Busy);
    drop(coordinator);
    sending.abort();
    let coordinator = Coordinator::start(folder.path(), &[])?;
    let mut people = person(&coordinator).await?;
    ensure!(stat(&mut people, &content).await? == (5 * CHUNK as u64, false));
    let done = put(&mut people, &bytes, &content, 5 * CHUNK).await?;
    ensure!((done.have, done.complete) == (content.size, true), "{done:?}");
    ensure!(stat(&mut people, &content).await? == (content.size, true));
    let audit = people.list_audit(wire::ListAuditRequest::default()).await?.into_inner();
    ensure!(audit.records.iter().any(|one| one.what == "content.put" && one.outcome == "done"));
    // What is there need not be sent again, and what changed on the way is not kept.
    ensure!(put(&mut people, &bytes, &content, 0).await?.complete);
    let (mut other, content) = some(CHUNK, 2);
    other[7] ^= 1;
    ensure!(refusal(put(&mut people, &other, &content, 0).await) == Code::InvalidField);
    ensure!(stat(&mut people, &content).await? == (0, false));
    Ok(())
}

/// Bytes of all files below a folder.
fn size_of(folder: &std::path::Path) -> Result<u64> {
    let mut bytes = 0;
    for shelf in std::fs::read_dir(folder)? {
        for file in std::fs::read_dir(shelf?.path())? {
            bytes += file?.metadata()?.len();
        }
    }
    Ok(bytes)
}

async fn until(reached: impl Fn() -> Result<bool>) -> Result<()> {
    let begun = std::time::Instant::now();
    while !reached()? {
        ensure!(begun.elapsed() < LIMIT, "it was not reached in {LIMIT:?}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_host_gets_what_its_task_needs_while_that_is_under_way_and_nothing_else() -> Result<()> {
    tamer_certs::install_crypto();
    let folder = tempfile::tempdir()?;
    let coordinator = Coordinator::start(folder.path(), &[])?;
    let mut people = person(&coordinator).await?;
    let (bytes, content) = some(3 * CHUNK + 9, 3);
    let (other_bytes, other) = some(100, 4);
    put(&mut people, &bytes, &content, 0).await?;
    put(&mut people, &other_bytes, &other, 0).await?;
    let one = join(&coordinator, &mut people, "one").await?;
    let two = join(&coordinator, &mut people, "two").await?;
    let mut one = Agent::connect(&coordinator, &one).await?;
    let two = Agent::connect(&coordinator, &two).await?;
    batch(&mut people, push(&content), &["one"], "r1").await?;
    let task = one.started().await?;
    for offset in [0, 1, content.size] {
        let got = get(&one, &task, &content, offset).await?;
        ensure!(got == bytes[offset as usize..], "from {offset}");
    }
    ensure!(refusal(get(&one, &task, &content, content.size + 1).await) == Code::InvalidField);
    // Another content, another host's task, another attempt, a task that never was.
    ensure!(refusal(get(&one, &task, &other, 0).await) == Code::RoleNotAllowed);
    ensure!(refusal(get(&two, &task, &content, 0).await) == Code::RoleNotAllowed);
    let again = wire::TaskId { attempt: 1, ..task.clone() };
    ensure!(refusal(get(&one, &again, &content, 0).await) == Code::WrongState);
    let never = wire::TaskId { batch: "b-0000000000000000".into(), ..task.clone() };
    ensure!(refusal(get(&one, &never, &content, 0).await) == Code::WrongState);
    // It brings nothing, and learns nothing of what is there.
    ensure!(refusal(bring(&one, &task, &other_bytes, &other).await) == Code::RoleNotAllowed);
    one.end(&task, end(wire::Outcome::Succeeded), b"").await?;
    ensure!(refusal(get(&one, &task, &content, 0).await) == Code::WrongState);
    Ok(())
}

#[tokio::test]
async fn a_file_that_a_task_brings_is_had_by_people() -> Result<()> {
    tamer_certs::install_crypto();
    let folder = tempfile::tempdir()?;
    let coordinator = Coordinator::start(folder.path(), &[])?;
    let mut people = person(&coordinator).await?;
    let one = join(&coordinator, &mut people, "one").await?;
    let mut one = Agent::connect(&coordinator, &one).await?;
    let (bytes, content) = some(2 * CHUNK + 9, 5);
    let made = batch(&mut people, fetch(content.size), &["one"], "r1").await?;
    let task = one.started().await?;
    let (longer, too_long) = some(2 * CHUNK + 10, 6);
    ensure!(refusal(bring(&one, &task, &longer, &too_long).await) == Code::InvalidField);
    // The file changed between two tries: what came of the first is forgotten.
    let (first, before) = some(2 * CHUNK, 7);
    let cut = bring(&one, &task, &first[..CHUNK], &before).await;
    ensure!(refusal(cut) == Code::InvalidField, "it ended too early");
    ensure!(bring(&one, &task, &bytes, &content).await?.complete);
    ensure!(stat(&mut people, &before).await? == (0, false), "its part is gone");
    // One attempt brings one file.
    ensure!(refusal(bring(&one, &task, &first, &before).await) == Code::WrongState);
    let fetched = wire::TaskEnd {
        fetched_digest: content.digest.clone(),
        fetched_size: content.size,
        ..end(wire::Outcome::Succeeded)
    };
    one.end(&task, fetched, b"").await?;
    let ask = |host: &str, offset| wire::GetFetchedRequest {
        batch: made.id.clone(),
        host: host.to_owned(),
        item: 0,
        offset,
    };
    for offset in [0, CHUNK as u64] {
        let stream = people.get_fetched(ask("one", offset)).await?.into_inner();
        ensure!(whole(stream, offset).await? == bytes[offset as usize..], "from {offset}");
    }
    ensure!(refusal(people.get_fetched(ask("two", 0)).await) == Code::NotFound);
    // A batch that fetched nothing has no file.
    let command = wire::CommandSpec { argv: vec!["true".into()], ..Default::default() };
    let made = batch(&mut people, Action::Command(command), &["one"], "r2").await?;
    let request = wire::GetFetchedRequest { batch: made.id, ..ask("one", 0) };
    ensure!(refusal(people.get_fetched(request).await) == Code::NotFound);
    Ok(())
}

#[tokio::test]
async fn hosts_that_bring_the_same_file_wait_for_the_first_of_them() -> Result<()> {
    tamer_certs::install_crypto();
    let folder = tempfile::tempdir()?;
    let coordinator = Coordinator::start(folder.path(), &[])?;
    let mut people = person(&coordinator).await?;
    let mut agents = Vec::new();
    for name in ["one", "two", "three"] {
        let host = join(&coordinator, &mut people, name).await?;
        agents.push(Agent::connect(&coordinator, &host).await?);
    }
    let (bytes, content) = some(20 * CHUNK, 8);
    batch(&mut people, fetch(content.size), &[], "r1").await?;
    let mut tasks = Vec::new();
    for agent in &mut agents {
        tasks.push(agent.started().await?);
    }
    let all = agents.iter().zip(&tasks).map(|(agent, task)| bring(agent, task, &bytes, &content));
    for answer in futures_util::future::join_all(all).await {
        ensure!(answer?.complete);
    }
    let path = folder.path().join("contents");
    ensure!(size_of(&path)? == content.size, "it is kept once");
    Ok(())
}
