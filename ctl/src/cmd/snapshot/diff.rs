//! `tamerctl snapshot diff`.

use futures_util::StreamExt;

use crate::Session;
use crate::api::Between;
use crate::cmd::drift::change;
use crate::contract::HostChanges;
use crate::errors::Failure;
use crate::output::{Format, Line, Tone, print, wrap};
use crate::view::escape;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The earlier one: its id, or a name that the newest has
    before: String,
    /// The later one [default: now]
    #[arg(default_value_t)]
    after: String,
    /// Only this host, by its name or id
    #[arg(long, value_name = "HOST", default_value_t)]
    host: String,
    /// How many changes at most
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

/// Runs it. What comes is shown as it comes, but as JSON or YAML: then it is one document.
pub async fn run(args: Args, session: &Session) -> Result<(), Failure> {
    let Args { before, after, host, limit } = args;
    let between = Between { before, after, host, limit };
    let mut told = session.api().await?.diff_snapshots(between).await?;
    let mut all: Vec<HostChanges> = Vec::new();
    let mut shown: Option<String> = None;
    while let Some(host) = told.next().await {
        let host = host?;
        match session.format() {
            // Bounded by the limit.
            Format::Json | Format::Yaml => join(&mut all, host),
            Format::Jsonl => session.show_one(&host, |_| Vec::new())?,
            Format::Table | Format::Wide | Format::Markdown | Format::Html => {
                let again = shown.as_ref() == Some(&host.host);
                print::text(&Line::join(&lines(&host, again, print::columns())))?;
                shown = Some(host.host);
            }
        }
    }
    match session.format() {
        Format::Json | Format::Yaml => session.show(&all, |_| Vec::new()),
        Format::Jsonl | Format::Table | Format::Wide | Format::Markdown | Format::Html => {
            if shown.is_none() && !session.for_scripts() {
                print::note("nothing is different");
            }
            Ok(())
        }
    }
}

/// The pieces of a host come one after the other.
fn join(all: &mut Vec<HostChanges>, host: HostChanges) {
    match all.last_mut() {
        Some(last) if last.host == host.host => {
            last.changes.extend(host.changes);
            last.left_out += host.left_out;
        }
        Some(_) | None => all.push(host),
    }
}

/// `again`: a piece of the host before this one was shown.
fn lines(host: &HostChanges, again: bool, columns: Option<usize>) -> Vec<Line> {
    let mut lines = Vec::new();
    if !again {
        let what = match host.what.as_str() {
            "created" => "  only in the later",
            "deleted" => "  only in the earlier",
            _ => "",
        };
        lines.push(Line::new(Tone::Strong, escape::text(&host.name)).and(Tone::Busy, what));
    }
    lines
        .extend(host.changes.iter().flat_map(|one| wrap("  ", Tone::Plain, &change(one), columns)));
    if host.left_out > 0 {
        let text = format!(
            "{} more are not told: --host {}, or a higher --limit",
            host.left_out, host.name
        );
        lines.extend(wrap("  ", Tone::Dim, &text, columns));
    }
    lines
}

#[cfg(test)]
mod tests;
