//! `tamerctl instance stats`: what instances use, once or all the time.

use std::collections::BTreeMap;
use std::time::Duration;

use tamer_model::InstanceStats;
use tokio::time::{Instant, sleep_until};

use super::super::pairs;
use super::super::watch::{FRAME, draw};
use super::problems::Ends;
use super::selection;
use crate::Session;
use crate::api::{Event, Frame, Selection, Source, Streamed};
use crate::contract::Sample;
use crate::errors::Failure;
use crate::output::{Cell, Line, Table, human, print};
use crate::platform::interrupts;
use crate::view::rates::{Rates, rates};
use crate::view::sources::names;

/// Between the two samples of `--no-stream`: a rate needs two.
const APART: Duration = Duration::from_secs(1);
/// How long `--no-stream` waits for an instance that gives no second sample.
const PATIENCE: Duration = Duration::from_secs(15);

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    selection: selection::Args,
    /// Show it once
    #[arg(long)]
    no_stream: bool,
    /// The time between two samples
    #[arg(long, value_name = "SPAN", value_parser = pairs::span, default_value = "2s")]
    every: Duration,
}

/// Runs it.
pub async fn run(args: Args, session: &Session) -> Result<(), Failure> {
    let Args { selection, no_stream, every } = args;
    let selection = selection.selection()?;
    // Ctrl-C is how one leaves, so it is no failure.
    let mut stop = interrupts()?;
    let shown = async {
        match (session.for_scripts(), no_stream) {
            (true, once) => objects(&selection, (!once).then_some(every), session).await,
            (false, true) => once(&selection, session).await,
            (false, false) => again(&selection, every, session).await,
        }
    };
    tokio::select! {
        () = stop.next() => Ok(()),
        outcome = shown => outcome,
    }
}

/// Every sample as an object.
async fn objects(
    selection: &Selection,
    every: Option<Duration>,
    session: &Session,
) -> Result<(), Failure> {
    let (mut stream, mut meters) = open(selection, every, session).await?;
    while let Some(event) = stream.next().await? {
        if let Some(sample) = meters.take(event) {
            session.show_one(&sample, |_| Vec::new())?;
        }
    }
    meters.ends.over(session.format())
}

/// One table, of two samples each.
async fn once(selection: &Selection, session: &Session) -> Result<(), Failure> {
    let (mut stream, mut meters) = open(selection, Some(APART), session).await?;
    let limit = Instant::now() + PATIENCE;
    while !meters.all_have(2) {
        // Both branches only wait: dropping one loses nothing.
        let event = tokio::select! {
            event = stream.next() => event?,
            () = sleep_until(limit) => break,
        };
        match event {
            Some(event) => drop(meters.take(event)),
            None => return meters.show_and(session, |ends| ends.over(session.format())),
        }
    }
    meters.show_and(session, |ends| ends.tell(session.format()))
}

/// The table again and again: drawn on a terminal, and printed into a pipe after each round.
async fn again(selection: &Selection, every: Duration, session: &Session) -> Result<(), Failure> {
    let (mut stream, mut meters) = open(selection, Some(every), session).await?;
    let pause = if print::can_draw() { FRAME } else { every.max(FRAME) };
    let (mut frame, mut stale) = (Instant::now() + pause, true);
    loop {
        // Both branches only wait: dropping one loses nothing.
        let event = tokio::select! {
            event = stream.next() => event?,
            () = sleep_until(frame), if stale => {
                meters.draw(session)?;
                (frame, stale) = (Instant::now() + pause, false);
                continue;
            }
        };
        let Some(event) = event else { break };
        meters.take(event);
        stale = true;
    }
    meters.draw(session)?;
    meters.ends.over(session.format())
}

async fn open(
    selection: &Selection,
    every: Option<Duration>,
    session: &Session,
) -> Result<(Streamed, Meters), Failure> {
    let mut stream = session.api().await?.stats(selection, every).await?;
    let sources = stream.sources().await?;
    Ok((stream, Meters::new(sources)))
}

/// What is known of each instance.
#[derive(Debug)]
struct Meters {
    meters: BTreeMap<u32, Meter>,
    ends: Ends,
}

#[derive(Debug)]
struct Meter {
    source: Source,
    last: Option<InstanceStats>,
    rates: Rates,
    samples: u64,
}

impl Meters {
    fn new(sources: BTreeMap<u32, Source>) -> Self {
        let ends = Ends::new(names(&sources));
        let meter = |source| Meter { source, last: None, rates: Rates::default(), samples: 0 };
        let meters = sources.into_iter().map(|(at, source)| (at, meter(source))).collect();
        Self { meters, ends }
    }

    fn take(&mut self, Event { source, frame }: Event) -> Option<Sample> {
        match frame {
            Frame::Stats(stats) => {
                let meter = self.meters.get_mut(&source)?;
                meter.rates = meter.last.map(|last| rates(&last, &stats)).unwrap_or_default();
                meter.last = Some(stats);
                meter.samples += 1;
                return Some(Sample::of(&meter.source, stats));
            }
            Frame::Problem(problem) => self.ends.failed(source, problem),
            Frame::Ended => self.ends.ended(source),
            // No sample.
            Frame::Sources(_)
            | Frame::Started
            | Frame::Stdout(_)
            | Frame::Stderr(_)
            | Frame::ExecEnded(_) => return None,
        }
        // What an instance used is nothing when it does not run.
        if let Some(meter) = self.meters.get_mut(&source) {
            (meter.last, meter.rates) = (None, Rates::default());
        }
        None
    }

    /// Whether every instance that still tells has told so often.
    fn all_have(&self, samples: u64) -> bool {
        let mut open = self.ends.open().filter_map(|at| self.meters.get(&at));
        open.all(|meter| meter.samples >= samples)
    }

    fn draw(&self, session: &Session) -> Result<(), Failure> {
        let text = Line::join(&self.table(session.format() == crate::output::Format::Wide).lines());
        match print::can_draw() {
            true => draw(&text),
            false => Ok(print::text(&text)?),
        }
    }

    fn show_and(
        self,
        session: &Session,
        end: impl FnOnce(Ends) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let wide = session.format() == crate::output::Format::Wide;
        print::text(&Line::join(&self.table(wide).lines()))?;
        end(self.ends)
    }

    fn table(&self, wide: bool) -> Table {
        let mut head = vec!["NAME", "HOST", "CPU%", "MEM / LIMIT", "NET I/O", "BLOCK I/O", "PIDS"];
        if wide {
            head.extend(["PROVIDER", "NET TOTAL", "BLOCK TOTAL", "ID"]);
        }
        let mut table = Table::new(head);
        let mut meters: Vec<_> = self.meters.values().collect();
        meters.sort_by(|a, b| {
            let key = |of: &Meter| (of.source.host.clone(), of.source.name.clone());
            key(a).cmp(&key(b)).then_with(|| a.source.id.cmp(&b.source.id))
        });
        meters.into_iter().for_each(|meter| table.row(meter.cells(wide)));
        table
    }
}

impl Meter {
    fn cells(&self, wide: bool) -> Vec<Cell> {
        let Source { id, name, host, provider } = &self.source;
        let stats = self.last.unwrap_or_default();
        let Rates { cpu_percent, received, sent, read, written } = self.rates;
        let both = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (None, None) => String::new(),
            (a, b) => {
                let size = |bytes: Option<u64>| bytes.map_or_else(|| "-".to_owned(), human::size);
                format!("{} / {}", size(a), size(b))
            }
        };
        let per_second = |rate: Option<f64>| rate.map(|rate| rate.round() as u64);
        let rate = |a, b| match both(per_second(a), per_second(b)) {
            none if none.is_empty() => none,
            text => format!("{text} /s"),
        };
        let cpu = cpu_percent.map(|percent| format!("{percent:.1}")).unwrap_or_default();
        let mut cells: Vec<Cell> = vec![
            name.as_str().into(),
            host.as_str().into(),
            cpu.into(),
            both(stats.memory_bytes, stats.memory_limit_bytes).into(),
            rate(received, sent).into(),
            rate(read, written).into(),
            stats.pids.map(|pids| pids.to_string()).unwrap_or_default().into(),
        ];
        if wide {
            cells.extend([
                Cell::from(provider.as_str()),
                both(stats.network_received_bytes, stats.network_sent_bytes).into(),
                both(stats.block_read_bytes, stats.block_written_bytes).into(),
                id.as_str().into(),
            ]);
        }
        cells
    }
}

#[cfg(test)]
mod tests {
    use tamer_model::{Code, Problem, Timestamp};

    use super::*;

    fn source(name: &str) -> Source {
        let [id, name, host, provider] =
            [&format!("i-{name}"), name, "web", "docker"].map(str::to_owned);
        Source { id, name, host, provider }
    }

    fn sample(source: u32, at: u64, cpu_ns: u64) -> Event {
        let stats = InstanceStats {
            at: Timestamp::from_millis(at),
            cpu_ns: Some(cpu_ns),
            memory_bytes: Some(64 << 20),
            memory_limit_bytes: Some(1 << 30),
            network_received_bytes: Some(at * 2),
            network_sent_bytes: Some(at),
            block_read_bytes: None,
            block_written_bytes: Some(0),
            pids: Some(3),
        };
        Event { source, frame: Frame::Stats(stats) }
    }

    fn shown(meters: &Meters, wide: bool) -> String {
        let lines = meters.table(wide).lines_within(None);
        lines.iter().map(Line::text).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn samples_become_rates() {
        let sources = [(0, source("shop")), (1, source("db")), (2, source("ended"))].into();
        let mut meters = Meters::new(sources);
        meters.take(sample(0, 1000, 0));
        meters.take(sample(1, 1000, 0));
        meters.take(sample(2, 1000, 0));
        meters.take(sample(0, 2000, 250_000_000));
        assert!(!meters.all_have(2), "db and ended gave one each");
        let gone = Problem::new(Code::WrongState, "it does not run");
        meters.take(Event { source: 2, frame: Frame::Problem(gone) });
        insta::assert_snapshot!(shown(&meters, false), @r"
        NAME   HOST  CPU%  MEM / LIMIT         NET I/O              BLOCK I/O   PIDS
        db     web   -     64.0 MiB / 1.0 GiB  -                    -           3
        ended  web   -     -                   -                    -           -
        shop   web   25.0  64.0 MiB / 1.0 GiB  1.9 KiB / 1000 B /s  - / 0 B /s  3
        ");
        insta::assert_snapshot!(shown(&meters, true), @r"
        NAME   HOST  CPU%  MEM / LIMIT         NET I/O              BLOCK I/O   PIDS  PROVIDER  NET TOTAL          BLOCK TOTAL  ID
        db     web   -     64.0 MiB / 1.0 GiB  -                    -           3     docker    1.9 KiB / 1000 B   - / 0 B      i-db
        ended  web   -     -                   -                    -           -     docker    -                  -            i-ended
        shop   web   25.0  64.0 MiB / 1.0 GiB  1.9 KiB / 1000 B /s  - / 0 B /s  3     docker    3.9 KiB / 1.9 KiB  - / 0 B      i-shop
        ");
        meters.take(sample(1, 2000, 5));
        assert!(meters.all_have(2), "who has ended is not waited for");
    }

    #[test]
    fn a_sample_in_json() {
        let mut meters = Meters::new([(0, source("shop"))].into());
        let sample = meters.take(sample(0, 1000, 7)).expect("a sample");
        insta::assert_snapshot!(serde_json::to_string(&sample).expect("json"), @r#"{"instance":"i-shop","name":"shop","host_name":"web","provider":"docker","at":"1970-01-01T00:00:01.000Z","cpu_ns":7,"memory_bytes":67108864,"memory_limit_bytes":1073741824,"network_received_bytes":2000,"network_sent_bytes":1000,"block_read_bytes":null,"block_written_bytes":0,"pids":3}"#);
    }
}
