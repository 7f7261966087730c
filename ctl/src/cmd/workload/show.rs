//! `tamerctl workload show`.

use super::list::{copies, placements, state};
use super::plan::nowhere;
use crate::Session;
use crate::cmd::watch::watch;
use crate::contract::{Time, Update, WorkloadDetail};
use crate::errors::Failure;
use crate::output::{Cell, Line, Tone, human, pairs, print};

/// Copies that a table shows; `tamerctl placement ls` has all of them.
const SHOWN: usize = 200;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name
    name: String,
    /// Show it again whenever it changes
    #[arg(long)]
    watch: bool,
}

/// Runs it.
pub async fn run(Args { name, watch: again }: Args, session: &Session) -> Result<(), Failure> {
    let shown = |view: &WorkloadDetail| {
        session.render(view, |wide| lines(view, Time::now(), wide, print::columns()))
    };
    if again {
        return watch(session, async |api| shown(&api.workload(&name).await?)).await;
    }
    let view = session.api().await?.workload(&name).await?;
    Ok(print::text(&shown(&view)?)?)
}

fn lines(view: &WorkloadDetail, now: Time, wide: bool, columns: Option<usize>) -> Vec<Line> {
    let mut lines = pairs(about(view, now));
    if let Some(columns) = columns {
        lines = lines.into_iter().map(|line| line.fit(columns)).collect();
    }
    if let Some(unplaced) = &view.unplaced {
        lines.push(Line::default());
        lines.extend(nowhere(unplaced, columns));
    }
    if !view.placements.is_empty() {
        lines.push(Line::default());
        let shown = &view.placements[..view.placements.len().min(SHOWN)];
        lines.extend(placements(shown, false, now, wide, columns));
    }
    let all = view.placements.len();
    if all > SHOWN {
        let name = &view.workload.workload;
        let more = format!("and {} more: `tamerctl placement ls --workload {name}`", all - SHOWN);
        lines.push(Line::new(Tone::Dim, more));
    }
    lines
}

fn about(view: &WorkloadDetail, now: Time) -> Vec<(&'static str, Cell)> {
    let workload = &view.workload;
    let at = |time: Time| format!("{time}  ({} ago)", human::ago(Some(time), now));
    let mut shown =
        vec![("Workload", workload.workload.as_str().into()), ("State", state(&workload.state))];
    if let Some(reason) = &workload.reason {
        shown.push(("Why", reason.as_str().into()));
    }
    shown.extend([("Copies", copies(&workload.copies).into()), ("Version", version(view).into())]);
    if let Some(update) = &view.update {
        shown.push(("Update", updating(update, now).into()));
    }
    shown.extend([
        ("Provider", workload.provider.as_str().into()),
        ("Owner", workload.owner.as_str().into()),
        ("Changed", at(workload.changed_at).into()),
        ("Created", at(view.created_at).into()),
    ]);
    shown
}

fn version(view: &WorkloadDetail) -> String {
    let mut text = view.workload.version.to_string();
    if view.template != view.workload.version {
        text += &format!(", copies of {}", view.template);
    }
    match view.stable {
        Some(stable) if stable == view.template => text + "; all copies were well with it",
        Some(stable) => text + &format!("; all copies were well with {stable}"),
        None => text,
    }
}

fn updating(update: &Update, now: Time) -> String {
    let Update { stage, begun_at, reason, replaced, total } = update;
    let ago = human::ago(Some(*begun_at), now);
    let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{stage}, {replaced} of {total} replaced, begun {ago} ago{reason}")
}

#[cfg(test)]
pub(super) mod tests;
