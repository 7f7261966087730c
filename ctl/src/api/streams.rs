//! The calls that stream: logs, stats, and commands in an instance.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use tamer_model::{ExecSpec, InstanceStats, LogOptions, Problem, TerminalSize};
use tamer_proto::{Required, wire};
use tokio::sync::mpsc;
use tonic::Streaming;
use wire::stream_out::Frame as Out;

use super::{Api, Selection, answer, millis};
use crate::errors::of_status;

/// One instance that a stream is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The instance's id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its host's name.
    pub host: String,
    /// Its provider.
    pub provider: String,
}

/// What came on a stream, and of which source.
#[derive(Debug)]
pub struct Event {
    /// The number of the source.
    pub source: u32,
    /// What came.
    pub frame: Frame,
}

/// A frame of a stream.
#[derive(Debug)]
pub enum Frame {
    /// The stream's sources by their numbers; the first frame of all.
    Sources(BTreeMap<u32, Source>),
    /// The command or the log is there.
    Started,
    /// Standard output.
    Stdout(Bytes),
    /// Standard error.
    Stderr(Bytes),
    /// A sample.
    Stats(InstanceStats),
    /// The command ended, with its exit code when it exited. The last frame.
    ExecEnded(Option<i32>),
    /// The source has ended with a problem.
    Problem(Problem),
    /// The source has ended, and all of it was sent.
    Ended,
}

/// What is sent to a running command.
#[derive(Debug)]
pub enum Input {
    /// Bytes for its standard input.
    Stdin(Bytes),
    /// There is no more of them.
    StdinEnd,
    /// The terminal has another size.
    Resize(TerminalSize),
}

/// A stream as it comes.
#[derive(Debug)]
pub struct Streamed(Streaming<wire::StreamOut>);

impl Api {
    /// Runs a command in an instance; what `input` gives is sent to it.
    pub async fn exec(
        &mut self,
        instance: &str,
        spec: ExecSpec,
        input: mpsc::Receiver<Input>,
    ) -> Result<Streamed, Problem> {
        let open = wire::OpenExec { instance: instance.to_owned(), spec: Some(spec.into()) };
        let open = request(wire::exec_request::Frame::Open(open));
        let frames =
            futures_util::stream::unfold((Some(open), input), async |(open, mut input)| {
                let frame = match open {
                    Some(open) => open,
                    None => input.recv().await?.into(),
                };
                Some((frame, (None, input)))
            });
        answer(self.client.exec(frames).await).map(Streamed)
    }

    /// The logs of the instances that are meant.
    pub async fn logs(
        &mut self,
        selection: &Selection,
        options: LogOptions,
    ) -> Result<Streamed, Problem> {
        let (selection, options) = (Some(selection.clone().into()), Some(options.into()));
        answer(self.client.logs(wire::LogsRequest { selection, options }).await).map(Streamed)
    }

    /// What the instances that are meant use: one sample, or one every so often.
    pub async fn stats(
        &mut self,
        selection: &Selection,
        every: Option<Duration>,
    ) -> Result<Streamed, Problem> {
        let (selection, every_ms) = (Some(selection.clone().into()), every.map_or(0, millis));
        answer(self.client.stats(wire::StatsRequest { selection, every_ms }).await).map(Streamed)
    }
}

impl Streamed {
    /// The next frame, or `None` at the end of the stream. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Option<Event>, Problem> {
        loop {
            let Some(out) = self.0.message().await.map_err(of_status)? else { return Ok(None) };
            let wire::StreamOut { source, frame } = out;
            let frame = match frame {
                Some(Out::Sources(wire::StreamSources { sources })) => {
                    Frame::Sources(sources.into_iter().map(Source::of).collect())
                }
                Some(Out::Started(wire::StreamStarted {})) => Frame::Started,
                Some(Out::Stdout(bytes)) => Frame::Stdout(bytes),
                Some(Out::Stderr(bytes)) => Frame::Stderr(bytes),
                Some(Out::Stats(stats)) => Frame::Stats(stats.into()),
                Some(Out::ExecEnded(wire::ExecEnded { exit_code })) => Frame::ExecEnded(exit_code),
                Some(Out::Problem(problem)) => Frame::Problem(problem.into()),
                Some(Out::Ended(wire::SourceEnded {})) => Frame::Ended,
                // A ticket is the agents' affair, a detail and a task's output are asked for by
                // other calls, and what is not known here is of a newer coordinator.
                Some(Out::Ticket(_) | Out::Detail(_) | Out::Written(_)) | None => continue,
            };
            return Ok(Some(Event { source, frame }));
        }
    }

    /// The stream's sources: its first frame.
    pub async fn sources(&mut self) -> Result<BTreeMap<u32, Source>, Problem> {
        let sources = match self.next().await? {
            Some(Event { frame: Frame::Sources(sources), .. }) => Some(sources),
            Some(Event { frame: Frame::Problem(problem), .. }) => return Err(problem),
            Some(_) | None => None,
        };
        sources.required("sources")
    }
}

impl Source {
    fn of(source: wire::StreamSource) -> (u32, Self) {
        let wire::StreamSource { source, id, name, host, provider } = source;
        (source, Self { id, name, host, provider })
    }
}

impl From<Input> for wire::ExecRequest {
    fn from(input: Input) -> Self {
        use wire::stream_in::Frame as In;
        let frame = match input {
            Input::Stdin(bytes) => In::Stdin(bytes),
            Input::StdinEnd => In::StdinEnd(wire::StdinEnd {}),
            Input::Resize(size) => In::Resize(size.into()),
        };
        request(wire::exec_request::Frame::Input(wire::StreamIn { frame: Some(frame) }))
    }
}

fn request(frame: wire::exec_request::Frame) -> wire::ExecRequest {
    wire::ExecRequest { frame: Some(frame) }
}
