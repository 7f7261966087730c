//! `tamerctl workload ls`, and how copies and placements are shown everywhere.

use crate::Session;
use crate::cmd::pairs;
use crate::cmd::watch::watch;
use crate::contract::{Copies, Placement, Time, Workload};
use crate::errors::Failure;
use crate::output::{Cell, Line, Table, Tone, human, print};

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only those that a selector over labels, name, owner and provider means
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<String>,
    /// Show them again whenever they change
    #[arg(long)]
    watch: bool,
}

/// Runs it.
pub async fn run(args: Args, session: &Session) -> Result<(), Failure> {
    let selector = pairs::selector(args.selector)?;
    if args.watch {
        return watch(session, async |api| {
            let workloads = api.workloads(&selector).await?;
            session
                .render(&workloads, |wide| table(&workloads, Time::now(), wide, print::columns()))
        })
        .await;
    }
    let workloads = session.api().await?.workloads(&selector).await?;
    if workloads.is_empty() && !session.for_scripts() {
        print::note(match selector.as_str() {
            "" => "no workloads yet; `tamerctl workload init` prints one to begin with",
            _ => "no workload is meant by this selector",
        });
        return Ok(());
    }
    session.show(&workloads, |wide| table(&workloads, Time::now(), wide, print::columns()))
}

/// One line a workload.
fn table(workloads: &[Workload], now: Time, wide: bool, columns: Option<usize>) -> Vec<Line> {
    let mut head = vec!["NAME", "STATE", "COPIES", "CHANGED", "WHY"];
    if wide {
        head.extend(["VERSION", "PROVIDER", "OWNER", "CHANGED AT"]);
    }
    let mut table = Table::new(head);
    for workload in workloads {
        let mut cells: Vec<Cell> = vec![
            workload.workload.as_str().into(),
            state(&workload.state),
            copies(&workload.copies).into(),
            human::ago(Some(workload.changed_at), now).into(),
            workload.reason.as_deref().unwrap_or_default().into(),
        ];
        if wide {
            cells.extend([
                Cell::from(workload.version.to_string()),
                workload.provider.as_str().into(),
                workload.owner.as_str().into(),
                workload.changed_at.to_string().into(),
            ]);
        }
        table.row(cells);
    }
    table.lines_within(columns)
}

/// A workload's state in its tone: what runs as it should is good here.
pub fn state(state: &str) -> Cell {
    let tone = match state {
        "running" | "done" => Tone::Good,
        "updating" | "pending" | "removing" => Tone::Busy,
        "degraded" | "failed" => Tone::Bad,
        _ => Tone::Plain,
    };
    Cell::toned(tone, state)
}

/// Copies in a few words: `2 of 3 well, 1 starting`.
pub fn copies(copies: &Copies) -> String {
    let Copies {
        wanted,
        running,
        well,
        former,
        starting,
        failed,
        unknown,
        unplaced,
        completed,
        stopping,
    } = *copies;
    let mut text = match completed {
        0 => format!("{well} of {wanted} well"),
        completed => format!("{completed} completed, {running} running"),
    };
    let others = [
        (former, "to be replaced"),
        (starting, "starting"),
        (failed, "failed"),
        (unknown, "unknown"),
        (unplaced, "without a host"),
        (stopping, "stopping"),
    ];
    for (count, word) in others.into_iter().filter(|(count, _)| *count > 0) {
        text += &format!(", {count} {word}");
    }
    text
}

/// One line a placement. `of`: also of which workload.
pub fn placements(
    placements: &[Placement],
    of: bool,
    now: Time,
    wide: bool,
    columns: Option<usize>,
) -> Vec<Line> {
    let copy = if of { "WORKLOAD" } else { "COPY" };
    let mut head = vec![copy, "HOST", "STATE", "VERSION", "AGE", "WHY"];
    if wide {
        head.extend(["PLACEMENT", "RESTARTS", "INSTANCE", "SCORE", "HOST ID"]);
    }
    let mut table = Table::new(head);
    for placement in placements {
        table.row(placement_cells(placement, of, now, wide));
    }
    table.lines_within(columns)
}

fn placement_cells(placement: &Placement, of: bool, now: Time, wide: bool) -> Vec<Cell> {
    let host = match placement.host_state.as_str() {
        "ready" => placement.host_name.clone(),
        state => format!("{} ({state})", placement.host_name),
    };
    let copy = match of {
        true => format!("{}/{}", placement.workload, placement.index),
        false => placement.index.to_string(),
    };
    let mut cells: Vec<Cell> = vec![
        copy.into(),
        host.into(),
        phase(placement),
        placement.template.to_string().into(),
        human::ago(Some(placement.made_at), now).into(),
        reason(placement).into(),
    ];
    if wide {
        let status = placement.status.as_ref();
        let instance = status.and_then(|status| status.instance.clone());
        cells.extend([
            Cell::from(placement.placement.as_str()),
            status.map(|status| status.restarts.to_string()).unwrap_or_default().into(),
            instance.unwrap_or_default().into(),
            placement.score.map(|score| score.points.to_string()).unwrap_or_default().into(),
            placement.host.as_str().into(),
        ]);
    }
    cells
}

/// Where a placement stands. What a lost host said last may not be so any more.
fn phase(placement: &Placement) -> Cell {
    let Some(status) = &placement.status else {
        return Cell::toned(Tone::Busy, "told to its host");
    };
    let doubt = if placement.host_state == "ready" { "" } else { "?" };
    match (status.phase.as_str(), status.healthy) {
        ("running", Some(false)) => Cell::toned(Tone::Bad, &format!("unwell{doubt}")),
        ("running", Some(true)) => Cell::toned(Tone::Good, &format!("well{doubt}")),
        ("running", None) => Cell::toned(Tone::Good, &format!("running{doubt}")),
        (phase @ ("failed" | "cut_off"), _) => Cell::toned(Tone::Bad, &format!("{phase}{doubt}")),
        (phase @ "completed", _) => Cell::toned(Tone::Good, &format!("{phase}{doubt}")),
        (phase, _) => Cell::toned(Tone::Busy, &format!("{phase}{doubt}")),
    }
}

/// What a person wants to know first: why it stops, then what its host says, then why it is there.
fn reason(placement: &Placement) -> String {
    let told = placement.status.as_ref().and_then(|status| status.reason.clone());
    match (&placement.stopping, told) {
        (Some(stopping), _) => format!("to stop: {stopping}"),
        (None, Some(told)) => told,
        (None, None) => placement.cause.clone(),
    }
}

#[cfg(test)]
pub(super) mod tests;
