//! What tasks write, from offsets on.

use anyhow::{Context, Result, bail, ensure};
use played::{Agent, batch, end, join, out, person};
use tamer_proto::wire;
use tokio::sync::mpsc;
use tonic::Streaming;
use wire::action::Action;
use wire::agent_message::Message as ToCoordinator;
use wire::control_client::ControlClient;
use wire::coordinator_message::Message as FromCoordinator;
use wire::output_read::Event;
use wire::stream_out::Frame;

use crate::played::{self, LIMIT};
use crate::support::Coordinator;

struct Scene {
    _folder: tempfile::TempDir,
    coordinator: Coordinator,
    host: tamer_certs::Credentials,
    people: ControlClient<tonic::transport::Channel>,
    agent: Agent,
    batch: String,
    task: wire::TaskId,
}

/// A command that runs on one host.
async fn scene() -> Result<Scene> {
    tamer_certs::install_crypto();
    let folder = tempfile::tempdir()?;
    let coordinator = Coordinator::start(folder.path(), &[])?;
    let mut people = person(&coordinator).await?;
    let host = join(&coordinator, &mut people, "one").await?;
    let mut agent = Agent::connect(&coordinator, &host).await?;
    let command = wire::CommandSpec { argv: vec!["ls".into()], ..Default::default() };
    let batch = batch(&mut people, Action::Command(command), &[], "r1").await?.id;
    let task = agent.started().await?;
    agent
        .say(ToCoordinator::TaskStarted(wire::TaskStarted {
            task: Some(task.clone()),
            started_at: 1,
        }))
        .await?;
    Ok(Scene { _folder: folder, coordinator, host, people, agent, batch, task })
}

impl Scene {
    async fn read(&mut self, from: u64, follow: bool) -> Result<Streaming<wire::OutputRead>> {
        let request = wire::ReadOutputRequest {
            batch: self.batch.clone(),
            host: "one".into(),
            item: 0,
            stdout_from: from,
            stderr_from: 0,
            follow,
        };
        Ok(self.people.read_output(request).await?.into_inner())
    }

    /// What the agent is asked for, and the stream that it opens for that.
    async fn asked(&mut self) -> Result<(wire::OutputStream, mpsc::Sender<wire::StreamOut>)> {
        let FromCoordinator::OpenStream(open) = self.agent.next().await? else {
            bail!("no stream was asked for")
        };
        let (frames, _input) = self.agent.open(&open.ticket).await?;
        match open.request.and_then(|request| request.request) {
            Some(wire::stream_request::Request::Output(output)) => Ok((output, frames)),
            other => bail!("{other:?}"),
        }
    }

    async fn live(&self, offset: u64, data: &'static [u8]) -> Result<()> {
        let output = wire::TaskOutput {
            task: Some(self.task.clone()),
            stream: wire::StreamKind::Stdout.into(),
            offset,
            data: data.into(),
        };
        self.agent.say(ToCoordinator::TaskOutput(output)).await
    }
}

fn piece(offset: u64, data: &'static [u8]) -> wire::StreamOut {
    let stream = wire::StreamKind::Stdout.into();
    out(Frame::Written(wire::OutputPiece { stream, offset, data: data.into() }))
}

async fn next(read: &mut Streaming<wire::OutputRead>) -> Result<Option<Event>> {
    let told = tokio::time::timeout(LIMIT, read.message()).await.context("nothing came")??;
    Ok(told.and_then(|read| read.event))
}

async fn expect(read: &mut Streaming<wire::OutputRead>, offset: u64, data: &[u8]) -> Result<()> {
    match next(read).await? {
        Some(Event::Piece(piece)) if piece.offset == offset && piece.data == data => Ok(()),
        other => bail!("{other:?}, not {data:?} at {offset}"),
    }
}

async fn expect_end(read: &mut Streaming<wire::OutputRead>, state: &str) -> Result<()> {
    match next(read).await? {
        Some(Event::Ended(task)) if task.state == state => {}
        other => bail!("{other:?}, not the end {state}"),
    }
    ensure!(next(read).await?.is_none(), "more came after the end");
    Ok(())
}

#[tokio::test]
async fn output_comes_from_the_agent_and_then_from_what_is_kept() -> Result<()> {
    let mut scene = scene().await?;
    let mut read = scene.read(2, true).await?;
    let (asked, frames) = scene.asked().await?;
    ensure!(asked.task.as_ref() == Some(&scene.task), "{asked:?}");
    ensure!((asked.stdout_from, asked.stderr_from, asked.follow) == (2, 0, true), "{asked:?}");
    frames.send(piece(2, b"cde")).await?;
    expect(&mut read, 2, b"cde").await?;
    // What the reader has is not told again, and a gap stays one.
    frames.send(piece(3, b"def")).await?;
    expect(&mut read, 5, b"f").await?;
    frames.send(piece(8, b"ij")).await?;
    expect(&mut read, 8, b"ij").await?;
    let task = scene.task.clone();
    scene.agent.end(&task, end(wire::Outcome::Succeeded), b"abcdefghijkl").await?;
    // The stream goes on to its own end; the rest is what was kept.
    frames.send(piece(10, b"k")).await?;
    expect(&mut read, 10, b"k").await?;
    frames.send(out(Frame::Ended(wire::SourceEnded {}))).await?;
    expect(&mut read, 11, b"l").await?;
    expect_end(&mut read, "succeeded").await?;
    // Later it is all read from the records, from any offset.
    for (from, data) in [(0, &b"abcdefghijkl"[..]), (10, b"kl")] {
        let mut read = scene.read(from, false).await?;
        expect(&mut read, from, data).await?;
        expect_end(&mut read, "succeeded").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_reader_goes_on_when_the_agent_comes_back() -> Result<()> {
    let mut scene = scene().await?;
    scene.live(0, b"abc").await?;
    let mut read = scene.read(0, true).await?;
    let (_, frames) = scene.asked().await?;
    frames.send(piece(0, b"abcde")).await?;
    expect(&mut read, 0, b"abcde").await?;
    scene.agent = Agent::connect_with(&scene.coordinator, &scene.host, Some(&scene.task)).await?;
    drop(frames);
    let (asked, frames) = scene.asked().await?;
    ensure!(asked.stdout_from == 5, "it goes on from where the reader is: {asked:?}");
    frames.send(piece(5, b"f")).await?;
    expect(&mut read, 5, b"f").await?;
    Ok(())
}

#[tokio::test]
async fn what_an_agent_told_live_has_to_do_when_it_cannot_be_asked() -> Result<()> {
    let mut scene = scene().await?;
    scene.live(0, b"abc").await?;
    let mut read = scene.read(1, true).await?;
    let FromCoordinator::OpenStream(open) = scene.agent.next().await? else { bail!("no stream") };
    let problem = wire::Problem { code: "not-found".into(), ..Default::default() };
    let refused = wire::StreamRefused { ticket: open.ticket, problem: Some(problem) };
    scene.agent.say(ToCoordinator::StreamRefused(refused)).await?;
    expect(&mut read, 1, b"bc").await?;
    scene.live(5, b"f").await?;
    expect(&mut read, 5, b"f").await?;
    let task = scene.task.clone();
    scene.agent.end(&task, end(wire::Outcome::TimedOut), b"abcdefg").await?;
    expect(&mut read, 6, b"g").await?;
    expect_end(&mut read, "timed_out").await
}

#[tokio::test]
async fn a_reader_that_does_not_follow_is_told_what_there_is() -> Result<()> {
    let mut scene = scene().await?;
    let mut read = scene.read(0, false).await?;
    let (asked, frames) = scene.asked().await?;
    ensure!(!asked.follow, "{asked:?}");
    frames.send(piece(0, b"abc")).await?;
    frames.send(out(Frame::Ended(wire::SourceEnded {}))).await?;
    expect(&mut read, 0, b"abc").await?;
    ensure!(next(&mut read).await?.is_none(), "the task goes on, the reader does not");
    let request = wire::ReadOutputRequest {
        batch: scene.batch.clone(),
        host: "other".into(),
        ..Default::default()
    };
    let refused = scene.people.read_output(request).await.expect_err("no such target");
    assert_eq!(tamer_proto::problem_of(&refused).code, tamer_model::Code::NotFound);
    Ok(())
}

#[tokio::test]
async fn a_reader_that_stopped_stops_its_own_stream_only() -> Result<()> {
    let mut scene = scene().await?;
    let mut stalled = scene.read(0, true).await?;
    let (_, frames) = scene.asked().await?;
    let chunk: &'static [u8] = Box::leak(vec![b'x'; 32 * 1024].into_boxed_slice());
    let mut sent = 0_u64;
    // Nobody reads: the stream takes what the windows on its way hold, and then no more.
    loop {
        let send = frames.send(piece(sent, chunk));
        if tokio::time::timeout(std::time::Duration::from_millis(300), send).await.is_err() {
            break;
        }
        sent += chunk.len() as u64;
        ensure!(sent < 8 << 20, "a stream that nobody reads took {sent} bytes");
    }
    // Another reader of the same task, and the session itself, go on.
    let mut people = person(&scene.coordinator).await?;
    std::mem::swap(&mut people, &mut scene.people);
    let mut read = scene.read(0, true).await?;
    let (_, others) = scene.asked().await?;
    others.send(piece(0, b"abc")).await?;
    expect(&mut read, 0, b"abc").await?;
    // The first one lost nothing of what was sent.
    let mut at = 0;
    while at < sent {
        let Some(Event::Piece(piece)) = next(&mut stalled).await? else { bail!("no piece") };
        ensure!(piece.offset == at, "a gap at {at}");
        at += piece.data.len() as u64;
    }
    Ok(())
}

#[tokio::test]
async fn watchers_hear_how_far_a_file_is() -> Result<()> {
    let mut scene = scene().await?;
    let request = wire::WatchBatchRequest { id: scene.batch.clone(), output: false };
    let mut events = scene.people.watch_batch(request).await?.into_inner();
    let mut told = async || -> Result<Option<wire::batch_event::Event>> {
        let event = tokio::time::timeout(LIMIT, events.message()).await??;
        Ok(event.and_then(|event| event.event))
    };
    while !matches!(told().await?, Some(wire::batch_event::Event::Snapshotted(_))) {}
    // More than may pass in a second: what is left out is told again.
    for done in 0..1000 {
        let progress = wire::TaskProgress { task: Some(scene.task.clone()), done, total: 1000 };
        scene.agent.say(ToCoordinator::TaskProgress(progress)).await?;
    }
    let task = scene.task.clone();
    scene.agent.end(&task, end(wire::Outcome::Succeeded), b"").await?;
    let mut heard = Vec::new();
    while let Some(event) = told().await? {
        if let wire::batch_event::Event::Progress(progress) = event {
            ensure!(progress.host == scene.task.host && progress.total == 1000, "{progress:?}");
            heard.push(progress.done);
        }
    }
    ensure!(heard.first() == Some(&0), "{heard:?}");
    // They may fall into two seconds, and no more.
    ensure!(heard.is_sorted() && heard.len() <= 3 * 128, "{} were passed on", heard.len());
    Ok(())
}
