//! `tamerctl workload plan`.

use serde_json::Value;
use tamer_model::{InstanceSpec, WorkloadSpec};

use super::sources::Sources;
use crate::Session;
use crate::contract::{FieldChange, PlannedStep, Score, Unplaced, WorkloadChange, WorkloadPlan};
use crate::errors::Failure;
use crate::output::{Cell, Line, Table, Tone, human, print, width, wrap};
use crate::view::escape;
use crate::workloads;

/// What the long help ends with.
pub const EXAMPLES: &str = "\
Examples:
  tamerctl workload plan -f web.toml
  tamerctl workload plan -f base/ -f web.yaml -o json
  kustomize build . | tamerctl workload plan -f -

Exit codes: 0 nothing would change · 2 something would · 1 any error";

/// Steps of a plan that a table shows; all of them with `-o wide`.
const SHOWN: usize = 40;
/// The most columns of a value that is shown on one line; all of it with `-o json`.
const VALUE: usize = 60;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    sources: Sources,
}

/// Runs it.
pub async fn run(args: Args, session: &Session) -> Result<(), Failure> {
    let plan = match make(args, session).await {
        Ok(plan) => plan,
        Err(Failure::Problem(problem)) => return Err(Failure::NoPlan(problem)),
        Err(other) => return Err(other),
    };
    session.show(&plan, |wide| lines(&plan, wide, print::columns()))?;
    match plan.changes {
        true => Err(Failure::WouldChange),
        false => Ok(()),
    }
}

async fn make(Args { sources }: Args, session: &Session) -> Result<WorkloadPlan, Failure> {
    let desired = workloads::read(&sources.paths())?;
    let plan = session.api().await?.plan_workloads(&desired.documents).await;
    Ok(plan.map_err(|problem| desired.place(problem))?)
}

/// A plan for people, within `columns`.
pub fn lines(plan: &WorkloadPlan, wide: bool, columns: Option<usize>) -> Vec<Line> {
    let mut lines = Vec::new();
    for change in &plan.workloads {
        lines.extend(change_of(change, wide, columns));
        lines.push(Line::default());
    }
    lines.extend(table(plan, wide, columns));
    for unplaced in &plan.unplaced {
        lines.extend(nowhere(unplaced, columns));
        lines.push(Line::default());
    }
    for note in &plan.notes {
        lines.extend(wrap("note: ", Tone::Plain, note, columns));
    }
    lines.extend(wrap("", Tone::Strong, &sum(plan), columns));
    lines
}

/// The steps of a plan, and an empty line; nothing when there are none.
pub fn table(plan: &WorkloadPlan, wide: bool, columns: Option<usize>) -> Vec<Line> {
    if plan.steps.is_empty() {
        return Vec::new();
    }
    let most = if wide { plan.steps.len() } else { SHOWN };
    let mut table = Table::new(["STEP", "COPY", "HOST", "SCORE", "WHY"]);
    for step in plan.steps.iter().take(most) {
        table.row(step_cells(step));
    }
    let mut lines = table.lines_within(columns);
    let unseen = plan.steps.len().saturating_sub(most);
    if unseen > 0 {
        lines.push(Line::new(Tone::Dim, format!("and {unseen} more: -o wide shows them")));
    }
    if plan.left_out > 0 {
        let more = human::count(plan.left_out as usize, "step");
        lines.push(Line::new(Tone::Dim, format!("and {more} more that are not listed")));
    }
    lines.push(Line::default());
    lines
}

/// Why copies have no host, and what would have to change.
pub fn nowhere(unplaced: &Unplaced, columns: Option<usize>) -> Vec<Line> {
    let Unplaced { workload, copies, hosts, removed, remedies, since } = unplaced;
    let copies = match copies {
        1 => "1 copy".to_owned(),
        copies => format!("{copies} copies"),
    };
    let since = since.map(|since| format!(", since {since}")).unwrap_or_default();
    let head = format!("{copies} of {} without a host{since}", escape::text(workload));
    let mut lines = vec![Line::new(Tone::Bad, head)];
    let removed = removed.iter().map(|one| format!("{} ({})", one.constraint, one.hosts));
    let removed: Vec<_> = removed.collect();
    if !removed.is_empty() {
        let hosts = human::count(*hosts as usize, "host");
        let of = format!("of {hosts}, removed by: {}", removed.join(", "));
        lines.extend(wrap("  ", Tone::Plain, &of, columns));
    }
    for remedy in remedies {
        lines.extend(wrap("  to change: ", Tone::Plain, remedy, columns));
    }
    lines
}

/// A score as it is told everywhere: `612, 3 of 5 hosts fit`.
pub fn scored(score: &Score) -> String {
    let Score { points, fitting, hosts } = score;
    format!("{points}, {fitting} of {} fit", human::count(*hosts as usize, "host"))
}

fn change_of(change: &WorkloadChange, wide: bool, columns: Option<usize>) -> Vec<Line> {
    let WorkloadChange { workload, what, version, fields, replaces_copies, lost } = change;
    let tone = match what.as_str() {
        "created" => Tone::Good,
        "changed" => Tone::Busy,
        // "unchanged", and what a newer coordinator says.
        _ => Tone::Dim,
    };
    let (verb, remark) = match (what.as_str(), *version) {
        ("created", _) => ("would be created", String::new()),
        ("changed", now) => {
            let copies =
                if *replaces_copies { "its copies are made anew" } else { "its copies stay" };
            ("would be changed", format!(", version {now} to {}; {copies}", now + 1))
        }
        (_, now) => ("is unchanged", format!(", version {now}")),
    };
    let mut lines = vec![
        Line::new(Tone::Strong, escape::text(workload))
            .and(tone, format!(" {verb}"))
            .and(Tone::Plain, remark),
    ];
    let usual = match (what.as_str(), wide) {
        ("created", false) => usual(),
        _ => Value::Null,
    };
    let told = |field: &&FieldChange| {
        field.path != "name" && usual.get(&field.path).is_none_or(|usual| *usual != field.after)
    };
    let fields: Vec<_> = fields.iter().filter(told).collect();
    let widths = fields.iter().map(|field| width::of(&escape::text(&field.path)));
    let widest = widths.max().unwrap_or(0);
    lines.extend(fields.iter().map(|field| field_line(field, widest, columns)));
    lines.extend(wrap("  lost hosts: ", Tone::Plain, lost, columns));
    lines
}

/// What a workload says when its file does not: nobody reads that in a table. It is all there with
/// `-o wide`.
fn usual() -> Value {
    let names = "any".parse().ok().zip("any".parse().ok());
    let spec = names
        .map(|(name, provider)| WorkloadSpec::new(name, provider, InstanceSpec::default()))
        .and_then(|spec| serde_json::to_value(spec).ok());
    spec.unwrap_or_default()
}

fn field_line(field: &FieldChange, widest: usize, columns: Option<usize>) -> Line {
    let FieldChange { path, before, after } = field;
    let (sign, tone) = match (before, after) {
        (Value::Null, _) => ("+", Tone::Good),
        (_, Value::Null) => ("-", Tone::Bad),
        (_, _) => ("~", Tone::Busy),
    };
    let path = escape::text(path);
    let pad = " ".repeat(widest - width::of(&path) + 2);
    let value = |value: &Value| width::fit(&escape::text(&value.to_string()), VALUE);
    let values = match (before, after) {
        (Value::Null, one) | (one, Value::Null) => value(one),
        (before, after) => format!("{} → {}", value(before), value(after)),
    };
    let line = Line::plain("  ").and(tone, sign).and(Tone::Plain, format!(" {path}{pad}{values}"));
    match columns {
        Some(columns) => line.fit(columns),
        None => line,
    }
}

fn step_cells(step: &PlannedStep) -> Vec<Cell> {
    let tone = match step.step.as_str() {
        "make" => Tone::Good,
        "stop" => Tone::Bad,
        _ => Tone::Plain,
    };
    vec![
        Cell::toned(tone, &step.step),
        format!("{}/{}", step.workload, step.index).into(),
        step.host.as_str().into(),
        step.score.as_ref().map(|score| score.points.to_string()).unwrap_or_default().into(),
        step.reason.as_str().into(),
    ]
}

/// All of it in one line.
fn sum(plan: &WorkloadPlan) -> String {
    let workloads = |what: &str| plan.workloads.iter().filter(|one| one.what == what).count();
    let steps = |kind: &str| plan.steps.iter().filter(|step| step.step == kind).count();
    let nowhere: u32 = plan.unplaced.iter().map(|unplaced| unplaced.copies).sum();
    let counts = [
        (workloads("created"), "created"),
        (workloads("changed"), "changed"),
        (workloads("unchanged"), "unchanged"),
        (steps("make"), "to make"),
        (steps("stop"), "to stop"),
        (plan.left_out as usize, "more steps"),
        (nowhere as usize, "without a host"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<_> = counts.map(|(count, what)| format!("{count} {what}")).collect();
    let counts = counts.join(", ");
    match (plan.changes, counts.is_empty()) {
        (_, true) => "nothing would change".to_owned(),
        (true, false) => counts,
        (false, false) => format!("nothing would change: {counts}"),
    }
}

#[cfg(test)]
mod tests;
