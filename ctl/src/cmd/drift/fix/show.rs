//! What is to be done, as a person reads it.

use super::plan::{Step, counted};
use crate::cmd::workload::planned;
use crate::contract::PlannedMend;
use crate::output::{Line, Tone, human, print, wrap};
use crate::view::escape;

/// Hosts that are named of a finding; `-o json` has all that its report names.
const NAMED: usize = 10;

/// What is done first, then what is not.
pub fn lines(steps: &[Step], wide: bool) -> Vec<Line> {
    let columns = print::columns();
    let (done, left): (Vec<_>, Vec<_>) = steps.iter().partition(|step| step.deed.is_some());
    let mut lines: Vec<Line> =
        done.iter().flat_map(|one| mended(&one.told, wide, columns)).collect();
    if !left.is_empty() {
        lines.push(Line::new(Tone::Strong, "Not mended:"));
    }
    for Step { told, deed: _ } in left {
        lines.extend(wrap("  ", Tone::Plain, &format!("{} {}", told.finding, told.title), columns));
        lines.extend(wrap("    ", Tone::Dim, told.why.as_deref().unwrap_or_default(), columns));
    }
    lines
}

fn mended(told: &PlannedMend, wide: bool, columns: Option<usize>) -> Vec<Line> {
    let mut lines = wrap("", Tone::Strong, &format!("{} {}", told.finding, told.title), columns);
    for command in &told.commands {
        lines.push(Line::plain(format!("  {}", shown(command))));
    }
    if let Some(action) = &told.action {
        lines.push(Line::plain(format!("  {action} the instance")));
    }
    if let Some(name) = &told.workload {
        let text = format!("make the copies of {name} anew, as its update policy says");
        lines.extend(wrap("  ", Tone::Plain, &text, columns));
    }
    if let Some(preview) = &told.preview {
        let first: Vec<_> = preview.first.iter().take(NAMED).map(String::as_str).collect();
        let text = format!("{}: {}", counted(preview, told), first.join(", "));
        lines.extend(wrap("  ", Tone::Dim, &text, columns));
    }
    if let Some(plan) = &told.plan {
        lines.extend(planned(plan, wide, columns));
    }
    lines.extend(
        told.why.iter().flat_map(|why| wrap("  left as it is: ", Tone::Busy, why, columns)),
    );
    if told.hosts_left_out > 0 {
        let more = usize::try_from(told.hosts_left_out).unwrap_or(usize::MAX);
        let text = format!(
            "not on {} more that the report does not name: run it again for these",
            human::count(more, "host")
        );
        lines.extend(wrap("  ", Tone::Busy, &text, columns));
    }
    lines.push(Line::default());
    lines
}

/// A command as it would be typed.
fn shown(command: &[String]) -> String {
    let word =
        |word: &String| match word.contains(|c: char| c.is_whitespace() || "|'$\"".contains(c)) {
            true => format!("'{}'", word.replace('\'', "'\\''")),
            false => word.clone(),
        };
    escape::text(&command.iter().map(word).collect::<Vec<_>>().join(" "))
}
