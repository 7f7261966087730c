//! Starting a batch: what `run`, the actions on instances, and retries have in common. It is shown
//! and asked for where it is large and a person is there, its files are sent, and it is followed.

use std::path::PathBuf;

use serde::Serialize;
use tamer_model::{Action, Problem, TargetKind};

use super::batch::follow;
use super::files;
use crate::Session;
use crate::api::{Api, BatchOrder};
use crate::contents::{Digests, send_all};
use crate::contract::{Batch, BatchState, Preview};
use crate::errors::Failure;
use crate::follow::insist;
use crate::output::{Line, Tone, print};
use crate::spec::words::Percent;

/// Below this many hosts nobody is asked: the whole of a small fleet is what is usually meant.
const SMALL_FLEET: u32 = 10;
/// The share of the fleet above which is asked, unless something else is set.
const USUAL_SHARE: Percent = Percent::of(5000);

/// How a batch is started.
#[derive(Debug, Clone, Default, clap::Args)]
#[group(skip)]
pub struct Args {
    /// Start it, print its id, and do not wait
    #[arg(short, long)]
    detach: bool,
    /// Show what it would be, and do nothing
    #[arg(long, visible_alias = "dry-run", conflicts_with = "detach")]
    preview: bool,
    /// Do not ask, however many are meant
    #[arg(short, long)]
    yes: bool,
    /// On a terminal, ask when more than this share of the fleet is meant [default: 50%, or
    /// `confirm_above` of the context]
    #[arg(long, value_name = "PERCENT", env = "TAMER_CONFIRM_ABOVE")]
    confirm_above: Option<Percent>,
}

impl Args {
    /// Without a question: for those who asked one of their own.
    pub fn detached(detach: bool) -> Self {
        Self { detach, yes: true, ..Self::default() }
    }
}

/// A batch to start.
#[derive(Debug)]
pub struct Launch {
    /// What is asked for.
    pub order: BatchOrder,
    /// The files that it needs.
    pub digests: Digests,
    /// Where the files go that it fetches.
    pub to: Option<PathBuf>,
}

impl From<BatchOrder> for Launch {
    fn from(order: BatchOrder) -> Self {
        Self { order, digests: Digests::default(), to: None }
    }
}

#[derive(Serialize)]
struct Detached {
    batch: String,
}

/// Starts a batch, and follows it to its end unless it is detached.
pub async fn start(
    launch: impl Into<Launch>,
    args: Args,
    mut api: Api,
    session: &Session,
) -> Result<(), Failure> {
    let Launch { mut order, digests, to } = launch.into();
    files::check(to.as_deref(), &order.spec.action, args.detach)?;
    if args.preview {
        let preview = api.preview_batch(&order).await?;
        return session.show(&preview, |_| lines(&preview, &order.spec.action));
    }
    if !args.yes && print::can_ask() {
        confirm(&mut order, args.confirm_above, &mut api, session).await?;
    }
    send_all(&digests, &mut api, session).await?;
    let batch = insist(session, &mut api, async |api| api.create_batch(&order).await).await?;
    if args.detach {
        return detached(batch.batch, session);
    }
    let batch = follow(batch.batch, api.clone(), session).await?;
    files::save(&batch, to, &mut api).await?;
    if let Some(undo) = &batch.undone_by {
        print::note(&format!("{undo} undoes it; see how: `tamerctl batch watch {undo}`"));
    }
    ended(&batch)
}

/// Tells the id of a batch that nobody waits for.
pub fn detached(batch: String, session: &Session) -> Result<(), Failure> {
    let detached = Detached { batch };
    let id = &detached.batch;
    session.show(&detached, |_| {
        vec![Line::plain(format!("{id}  (see it with: tamerctl batch watch {id})"))]
    })
}

/// How a batch that was followed ended, as an exit code tells it: one whose every target succeeded
/// but for those that could not be reached is told apart from one that failed somewhere.
pub const fn ended(batch: &Batch) -> Result<(), Failure> {
    let counts = batch.counts;
    match batch.state {
        BatchState::Succeeded => Ok(()),
        BatchState::Failed
            if counts.unreachable > 0 && counts.succeeded + counts.unreachable == batch.targets =>
        {
            Err(Failure::Unreached)
        }
        BatchState::Running | BatchState::Failed | BatchState::Cancelled => Err(Failure::Targets),
    }
}

/// Asks a person where much of the fleet is meant; what they said yes to is what runs.
async fn confirm(
    order: &mut BatchOrder,
    above: Option<Percent>,
    api: &mut Api,
    session: &Session,
) -> Result<(), Failure> {
    let preview = api.preview_batch(order).await?;
    let share = match above {
        Some(share) => share,
        None => session.open_context()?.confirm_above.unwrap_or(USUAL_SHARE),
    };
    if !is_large(&preview, share) {
        return Ok(());
    }
    for line in lines(&preview, &order.spec.action) {
        print::note(&line.painted());
    }
    if !print::confirm("Start it?").await {
        print::note("nothing was started");
        return Err(Failure::Targets);
    }
    order.expect_targets = preview.fingerprint;
    Ok(())
}

fn is_large(preview: &Preview, share: Percent) -> bool {
    let of_all = u64::from(preview.fleet) * u64::from(share.hundredths());
    preview.fleet >= SMALL_FLEET && u64::from(preview.hosts) * 10_000 > of_all
}

fn lines(preview: &Preview, action: &Action) -> Vec<Line> {
    let noun = match action.on() {
        TargetKind::Host => "host",
        TargetKind::Instance => "instance",
    };
    let clean = crate::view::escape::text;
    let more = (preview.targets as usize).saturating_sub(preview.first.len());
    let mut names = preview.first.join(", ");
    if more > 0 && !preview.first.is_empty() {
        names = format!("{names} and {more} more");
    }
    let mut lines = vec![
        Line::new(Tone::Strong, clean(&preview.summary)),
        Line::plain(preview.on_one_line(noun)),
    ];
    if !names.is_empty() {
        lines.push(Line::new(Tone::Dim, clean(&names)));
    }
    lines
}

/// The ids that `last` stands for.
pub async fn last_batch(api: &mut Api) -> Result<tamer_model::BatchId, Problem> {
    let last = api.batch("last").await?.batch;
    last.parse().map_err(|_| {
        Problem::new(tamer_model::Code::Internal, format!("{last:?} is no batch's id"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Counts;
    use crate::view::summary::tests::batch;

    #[test]
    fn only_much_of_a_fleet_is_asked_for() {
        let large = |hosts, fleet, share: &str| {
            let preview = Preview {
                summary: String::new(),
                targets: hosts,
                ready: hosts,
                lost: 0,
                cordoned: 0,
                hosts,
                fleet,
                waves: Vec::new(),
                first: Vec::new(),
                fingerprint: Vec::new(),
            };
            is_large(&preview, share.parse().expect("a share"))
        };
        assert!(!large(9, 9, "50%"), "a small fleet");
        assert!(!large(5, 10, "50%") && large(6, 10, "50%"));
        assert!(large(1, 10_000, "0%") && !large(10_000, 10_000, "100%"));
    }

    #[test]
    fn what_could_not_be_reached_is_no_failure_of_the_others() {
        let code = |counts| match ended(&batch(3, counts)) {
            Ok(()) => 0,
            Err(failure) => crate::errors::tell(&failure, crate::output::Format::Table),
        };
        let away = Counts { succeeded: 1, unreachable: 2, never_started: 2, ..Counts::default() };
        assert_eq!(code(away), 3);
        let mixed = Counts { failed: 1, unreachable: 2, never_started: 2, ..Counts::default() };
        assert_eq!(code(mixed), 1);
        let tripped =
            Counts { succeeded: 1, unreachable: 1, never_started: 2, ..Counts::default() };
        assert_eq!(code(tripped), 1);
    }
}
