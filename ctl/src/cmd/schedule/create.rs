//! `tamerctl schedule create`.

use std::time::Duration;

use tamer_model::{Problem, ScheduleName};
use tamer_schedule::{Cron, DEFAULT_CATCH_UP, Overlap, Timing, When, Window, Zone};

use super::show;
use crate::Session;
use crate::cmd::pairs;
use crate::cmd::start::last_batch;
use crate::contents::{Digests, send_all};
use crate::errors::Failure;
use crate::output::Line;
use crate::spec::What;

/// What the long help ends with.
pub const EXAMPLES: &str = "\
Examples:
  tamerctl schedule create nightly-clean --cron '30 2 * * *' --tz Europe/Berlin \\
      --begin-jitter 20m -l os=linux -- apt-get clean
  tamerctl schedule create patch --cron '0 22 * * Sat' --tz Europe/Berlin \\
      --window 'Sat 22:00-04:00' --overlap skip --max-failed 2 -l role=web -- /opt/patch.sh
  tamerctl schedule create move --at 2026-12-01T03:00 --tz America/New_York -- /opt/move.sh

A cron expression is minute, hour, day of month, month and day of week; with six fields the first is
the second. The batch of a window has to end when that closes.";

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What it is called
    name: ScheduleName,
    #[command(flatten)]
    due: Due,
    #[command(flatten)]
    what: What,
}

/// When it is due.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "When it is due")]
struct Due {
    /// Once: 2026-12-01T03:00 by the clocks of --tz, or with an offset of its own
    #[arg(long, value_name = "TIME", conflicts_with = "cron", required_unless_present = "cron")]
    at: Option<String>,
    /// Whenever this cron expression fits the clocks of --tz
    #[arg(long, value_name = "EXPRESSION")]
    cron: Option<String>,
    /// The time zone, by its IANA name
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    tz: String,
    /// Begin only in these spans, and end what runs when they close: 'Mon-Fri 22:00-04:00;
    /// Sat,Sun 00:00-24:00'
    #[arg(long, value_name = "SPANS")]
    window: Option<String>,
    /// When the one before has not ended: leave this one out, let it wait, allow both, or cancel
    /// the other
    #[arg(long, value_name = "skip|wait|allow|replace", default_value = "skip")]
    overlap: String,
    /// Begin up to this much later; how much is drawn. (--jitter spreads the sends of a wave)
    // The rollout has the shorter name.
    #[arg(long, value_name = "SPAN", value_parser = pairs::span)]
    begin_jitter: Option<Duration>,
    /// Begin one that was missed if that is at most this long ago; 0s for never [default: 10m]
    #[arg(long, value_name = "SPAN", value_parser = pairs::span)]
    catch_up: Option<Duration>,
}

/// Runs it.
pub async fn run(args: Args, session: &Session) -> Result<(), Failure> {
    let Args { name, due, what } = args;
    let timing = due.timing()?;
    let draft = what.draft()?;
    let digests = Digests::of(draft.files()).await?;
    let ready = draft.ready(&|path| digests.get(path))?;
    let mut api = session.api().await?;
    let spec = match ready.last {
        true => ready.with_last(last_batch(&mut api).await?),
        false => ready.spec,
    };
    send_all(&digests, &mut api, session).await?;
    let schedule = api.create_schedule(name.as_str(), spec, timing).await?;
    session.show(&schedule, |_| {
        let mut lines = vec![Line::plain(format!("{name} is scheduled"))];
        lines.extend(show::next(&schedule));
        lines
    })
}

impl Due {
    /// What the flags say, checked before it travels.
    fn timing(self) -> Result<Timing, Problem> {
        let Self { at, cron, tz, window, overlap, begin_jitter, catch_up } = self;
        let zone: Zone = tz.parse().map_err(|problem: Problem| problem.on("tz"))?;
        let when = match (at, cron) {
            (Some(at), _) => When::At(zone.read(&at)?),
            (None, Some(cron)) => When::Cron(cron.parse::<Cron>()?),
            (None, None) => {
                return Err(Problem::field("when", "nothing says when it is due")
                    .remedy("give --at TIME or --cron EXPRESSION"));
            }
        };
        Timing {
            zone,
            window: window.map(|text| text.parse::<Window>()).transpose()?,
            overlap: overlap.parse::<Overlap>()?,
            jitter_ms: pairs::millis(begin_jitter.unwrap_or_default()),
            catch_up_ms: pairs::millis(catch_up.unwrap_or(DEFAULT_CATCH_UP)),
            ..Timing::new(when)
        }
        .validate()
        .map_err(named)
    }
}

/// The problem, on the flag that says it here.
fn named(problem: Problem) -> Problem {
    match problem.field.as_deref() {
        Some("jitter") => problem.on("begin-jitter"),
        Some("catch_up") => problem.on("catch-up"),
        Some(_) | None => problem,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        due: Due,
    }

    fn timing(flags: &[&str]) -> Result<Timing, Problem> {
        let flags = std::iter::once(&"create").chain(flags);
        Line::try_parse_from(flags).expect("flags").due.timing()
    }

    #[test]
    fn flags_say_when() {
        let night = ["--cron", "30 2 * * *", "--tz", "Europe/Berlin", "--window", "02:00-04:00"];
        let more = ["--overlap", "replace", "--begin-jitter", "20m", "--catch-up", "0s"];
        let timing_of = timing(&[&night[..], &more[..]].concat()).expect("a timing");
        assert_eq!(timing_of.zone.as_str(), "Europe/Berlin");
        assert_eq!(timing_of.window.map(String::from).as_deref(), Some("02:00-04:00"));
        assert_eq!(timing_of.overlap, Overlap::Replace);
        assert_eq!((timing_of.jitter_ms, timing_of.catch_up_ms), (1_200_000, 0));
        let once = timing(&["--at", "2026-12-01T03:00", "--tz", "America/New_York"]).expect("one");
        let When::At(at) = once.when else { panic!("{once:?}") };
        assert_eq!(Zone::UTC.show(at), "2026-12-01 08:00:00+00:00");
        assert_eq!(once.catch_up_ms, 600_000);
    }

    #[test]
    fn the_flag_at_fault_is_named() {
        for (flags, field) in [
            (&["--cron", "30 25 * * *"][..], "cron"),
            (&["--at", "soon"], "at"),
            (&["--cron", "@daily", "--tz", "Berlin"], "tz"),
            (&["--cron", "@daily", "--window", "night"], "window"),
            (&["--cron", "@daily", "--overlap", "maybe"], "overlap"),
            (&["--cron", "@daily", "--begin-jitter", "2d"], "begin-jitter"),
            (&["--cron", "@daily", "--catch-up", "13h"], "catch-up"),
        ] {
            let problem = timing(flags).expect_err(field);
            assert_eq!(problem.field.as_deref(), Some(field), "{problem}");
        }
        for bad in [&["create"][..], &["create", "--at", "x", "--cron", "@daily"]] {
            Line::try_parse_from(bad).expect_err("either of the two");
        }
    }
}
