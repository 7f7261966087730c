//! `tamerctl snapshot verify`.

use crate::Session;
use crate::contract::{Damage, Verified};
use crate::errors::Failure;
use crate::output::{Cell, Line, Table, Tone, human, print, wrap};

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its id, or a name that the newest has [default: all, and what is current]
    #[arg(default_value_t)]
    snapshot: String,
}

/// Runs it. Damage is a failure: the output says where.
pub async fn run(Args { snapshot }: Args, session: &Session) -> Result<(), Failure> {
    let verified = session.api().await?.verify_snapshots(&snapshot).await?;
    session.show(&verified, |wide| lines(&verified, wide, print::columns()))?;
    match verified.damage.is_empty() && verified.left_out == 0 {
        true => Ok(()),
        false => Err(Failure::Targets),
    }
}

fn lines(verified: &Verified, wide: bool, columns: Option<usize>) -> Vec<Line> {
    let Verified { snapshots, nodes, bytes, damage, left_out, asked } = verified;
    let read = format!(
        "{}, {nodes} nodes, {} read",
        human::count(*snapshots as usize, "snapshot"),
        human::size(*bytes)
    );
    if damage.is_empty() && *left_out == 0 {
        return wrap("", Tone::Good, &format!("{read}: everything is what it was"), columns);
    }
    let broken = damage.len() + *left_out as usize;
    let text = format!("{read}: {broken} damaged, and agents were asked for {asked} of them");
    let mut lines = wrap("", Tone::Bad, &text, columns);
    lines.push(Line::default());
    lines.extend(table(damage, wide, columns));
    if *left_out > 0 {
        lines.push(Line::new(Tone::Dim, format!("and {left_out} more")));
    }
    lines
}

fn table(damage: &[Damage], wide: bool, columns: Option<usize>) -> Vec<Line> {
    let mut head = vec!["SNAPSHOT", "HOST", "PROBLEM"];
    if wide {
        head.push("DIGEST");
    }
    let mut table = Table::new(head);
    for Damage { snapshot, host, digest, problem } in damage {
        let mut cells: Vec<Cell> = vec![
            snapshot.as_deref().unwrap_or("(current)").into(),
            host.as_deref().unwrap_or("(all)").into(),
            problem.as_str().into(),
        ];
        if wide {
            cells.push(digest.as_str().into());
        }
        table.row(cells);
    }
    table.lines_within(columns)
}

#[cfg(test)]
mod tests;
