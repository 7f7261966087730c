//! `tamerctl instance logs`: what instances write, as it comes.

use std::collections::BTreeMap;

use bytes::Bytes;
use tamer_model::{LogOptions, Problem, StreamKind, Timestamp};

use super::problems::Ends;
use super::selection::Chosen;
use crate::Session;
use crate::api::{Event, Frame, Source, Streamed};
use crate::cmd::pairs;
use crate::contract::LogLine;
use crate::errors::Failure;
use crate::output::{Format, Pour, encode, print};
use crate::platform::interrupts;
use crate::view::sources::{Lines, names, prefixes, write_line};

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    chosen: Chosen,
    /// Go on with what is written from now on
    #[arg(short, long)]
    follow: bool,
    /// Nothing from before: so long ago (10m, 2h), or a time (2026-01-31T12:00:00Z)
    #[arg(long, value_name = "SPAN|TIME", value_parser = pairs::moment)]
    since: Option<Timestamp>,
    /// Only this many lines from the end
    #[arg(long, value_name = "LINES")]
    tail: Option<u64>,
    /// Begin each line with its time
    #[arg(short, long)]
    timestamps: bool,
    /// Whether each line begins with the name of its instance; by itself when there are several
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    prefix: Prefix,
}

/// When lines are prefixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Prefix {
    Auto,
    Always,
    Never,
}

/// Runs it.
pub async fn run(args: Args, session: &Session) -> Result<(), Failure> {
    let Args { chosen, follow, since, tail, timestamps, prefix } = args;
    let selection = chosen.selection()?;
    let options = LogOptions { follow, since, tail, timestamps };
    // Ctrl-C is how one leaves a log, so it is no failure.
    let mut stop = interrupts()?;
    let log = async {
        let mut stream = session.api().await?.logs(&selection, options).await?;
        let sources = stream.sources().await?;
        Log::new(sources, prefix, session.format()).print(&mut stream).await
    };
    tokio::select! {
        () = stop.next() => Ok(()),
        outcome = log => outcome,
    }
}

struct Log {
    sources: BTreeMap<u32, Source>,
    format: Format,
    shape: Shape,
    ends: Ends,
}

enum Shape {
    /// Bytes as they come: of one source, so nothing can mix.
    Through,
    /// Whole lines behind prefixes.
    Lines { lines: Lines, stdout: Look, stderr: Look },
    /// Whole lines as objects.
    Objects(Lines),
}

/// How lines look on one of our own streams.
struct Look {
    prefixes: BTreeMap<u32, Vec<u8>>,
    terminal: bool,
}

impl Log {
    fn new(sources: BTreeMap<u32, Source>, prefix: Prefix, format: Format) -> Self {
        let names = names(&sources);
        let prefixed = prefix == Prefix::Always || (prefix == Prefix::Auto && sources.len() > 1);
        let look = |stream| Look {
            prefixes: match prefixed {
                true => prefixes(&names, print::colours(stream)),
                false => BTreeMap::new(),
            },
            terminal: print::is_terminal(stream),
        };
        let shape = match format {
            Format::Json | Format::Jsonl | Format::Yaml => Shape::Objects(Lines::default()),
            Format::Table | Format::Wide | Format::Markdown | Format::Html
                if sources.len() == 1 && !prefixed =>
            {
                Shape::Through
            }
            Format::Table | Format::Wide | Format::Markdown | Format::Html => Shape::Lines {
                lines: Lines::default(),
                stdout: look(StreamKind::Stdout),
                stderr: look(StreamKind::Stderr),
            },
        };
        Self { sources, format, shape, ends: Ends::new(names) }
    }

    async fn print(mut self, stream: &mut Streamed) -> Result<(), Failure> {
        let mut pour = Pour::open();
        let outcome = self.pump(stream, &mut pour).await;
        // What came is shown, whatever ended it.
        pour.finish().await?;
        outcome?;
        self.ends.over(self.format)
    }

    async fn pump(&mut self, stream: &mut Streamed, pour: &mut Pour) -> Result<(), Failure> {
        while let Some(Event { source, frame }) = stream.next().await? {
            match frame {
                Frame::Stdout(bytes) => self.take(source, StreamKind::Stdout, bytes, pour).await?,
                Frame::Stderr(bytes) => self.take(source, StreamKind::Stderr, bytes, pour).await?,
                Frame::Problem(problem) => {
                    self.ends.failed(source, problem);
                    self.finish(source, pour).await?;
                }
                Frame::Ended => {
                    self.ends.ended(source);
                    self.finish(source, pour).await?;
                }
                // No log has these.
                Frame::Sources(_) | Frame::Started | Frame::Stats(_) | Frame::ExecEnded(_) => {}
            }
        }
        for source in self.ends.open().collect::<Vec<_>>() {
            self.finish(source, pour).await?;
        }
        Ok(())
    }

    async fn take(
        &mut self,
        source: u32,
        stream: StreamKind,
        bytes: Bytes,
        pour: &mut Pour,
    ) -> Result<(), Failure> {
        let mut out = Vec::new();
        match &mut self.shape {
            Shape::Through => return Ok(pour.write(stream, bytes).await?),
            Shape::Lines { lines, stdout, stderr } => {
                let look = look(stdout, stderr, stream);
                lines.push(source, stream, &bytes, |line| look.write(source, line, &mut out));
            }
            Shape::Objects(lines) => {
                let (sources, format) = (&self.sources, self.format);
                let mut told = Ok(());
                lines.push(source, stream, &bytes, |line| {
                    let object = object(sources.get(&source), format, stream, line, &mut out);
                    told = std::mem::replace(&mut told, Ok(())).and(object);
                });
                told?;
                // Objects are the answer, whichever stream their lines came on.
                return Ok(pour.write(StreamKind::Stdout, out).await?);
            }
        }
        Ok(pour.write(stream, out).await?)
    }

    /// The lines that have no end, of a source that has one.
    async fn finish(&mut self, source: u32, pour: &mut Pour) -> Result<(), Failure> {
        let mut left: Vec<(StreamKind, Vec<u8>)> = Vec::new();
        match &mut self.shape {
            Shape::Through => {}
            Shape::Lines { lines, stdout, stderr } => lines.finish(source, |stream, line| {
                let mut out = Vec::new();
                look(stdout, stderr, stream).write(source, line, &mut out);
                left.push((stream, out));
            }),
            Shape::Objects(lines) => {
                let (sources, format) = (&self.sources, self.format);
                let mut told = Ok(());
                lines.finish(source, |stream, line| {
                    let mut out = Vec::new();
                    let object = object(sources.get(&source), format, stream, line, &mut out);
                    told = std::mem::replace(&mut told, Ok(())).and(object);
                    left.push((StreamKind::Stdout, out));
                });
                told?;
            }
        }
        for (stream, out) in left {
            pour.write(stream, out).await?;
        }
        Ok(())
    }
}

impl Look {
    fn write(&self, source: u32, line: &[u8], out: &mut Vec<u8>) {
        let prefix = self.prefixes.get(&source).map(Vec::as_slice).unwrap_or_default();
        write_line(prefix, line, self.terminal, out);
    }
}

const fn look<'a>(stdout: &'a Look, stderr: &'a Look, stream: StreamKind) -> &'a Look {
    match stream {
        StreamKind::Stdout => stdout,
        StreamKind::Stderr => stderr,
    }
}

fn object(
    source: Option<&Source>,
    format: Format,
    stream: StreamKind,
    line: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    let Some(source) = source else {
        return Err(Problem::field("source", "a line of a source that was not told").into());
    };
    let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
    let line = LogLine::of(source, stream, &line);
    let text = match format {
        Format::Yaml => format!("---\n{}", encode::yaml(&line)?),
        Format::Json
        | Format::Jsonl
        | Format::Table
        | Format::Wide
        | Format::Markdown
        | Format::Html => encode::json_line(&line)?,
    };
    out.extend_from_slice(text.as_bytes());
    Ok(())
}
