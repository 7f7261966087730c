//! `tamerctl drift ack`.

use std::time::Duration;

use tamer_model::{FindingId, Problem};

use crate::Session;
use crate::cmd::pairs;
use crate::contract::{Aside, Time};
use crate::errors::Failure;
use crate::output::Line;
use crate::view::escape;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The finding's id, as `tamerctl drift` shows it
    finding: FindingId,
    /// For so long: 12h, 7d
    #[arg(long = "for", value_name = "SPAN", value_parser = pairs::span, required_unless_present = "end")]
    span: Option<Duration>,
    /// Why
    #[arg(long, value_name = "TEXT", required_unless_present = "end")]
    note: Option<String>,
    /// Tell it again as any other
    #[arg(long, conflicts_with_all = ["span", "note"])]
    end: bool,
}

/// Runs it.
pub async fn run(args: Args, session: &Session) -> Result<(), Failure> {
    let Args { finding, span, note, end: _ } = args;
    let until = span.map(|span| Time::now().after(span));
    let note = note.unwrap_or_default();
    if until.is_some() && note.trim().is_empty() {
        let problem = Problem::field("note", "it says nothing");
        return Err(problem.remedy("say why it can wait: --note TEXT").into());
    }
    let until = until.map(Time::as_millis);
    let aside = session.api().await?.acknowledge(&finding.to_string(), until, &note).await?;
    session.show(&aside, |_| {
        let Aside { finding, until } = &aside;
        let text = match until {
            Some(until) => format!("{finding} is set aside until {until}"),
            None => format!("{finding} is set aside no more"),
        };
        vec![Line::plain(escape::text(&text))]
    })
}
