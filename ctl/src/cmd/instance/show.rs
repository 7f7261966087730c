//! `tamerctl instance show`: what the fleet knows, and what the technology says.

use tamer_model::{Code, Problem};

use super::{checkpoint, list};
use crate::Session;
use crate::contract::{Instance, InstanceDetail, Port, Time};
use crate::errors::Failure;
use crate::output::{Cell, Line, human, pairs, print};
use crate::view::escape;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its id, HOST/NAME, or a name that only one has
    instance: String,
    /// Print what the technology itself says, and nothing else
    #[arg(long)]
    raw: bool,
}

/// Runs it.
pub async fn run(Args { instance, raw }: Args, session: &Session) -> Result<(), Failure> {
    let detail = session.api().await?.describe_instance(&instance).await?;
    if !raw {
        return session.show(&detail, |_| lines(&detail));
    }
    match (detail.raw, detail.problem) {
        (Some(_), _) => Ok(print::text(&(detail.raw_text.trim_end().to_owned() + "\n"))?),
        (None, Some(problem)) => Err(problem.into()),
        (None, None) => {
            let message = "the technology told nothing about it";
            Err(Problem::new(Code::TechnologyFailed, message).into())
        }
    }
}

fn lines(detail: &InstanceDetail) -> Vec<Line> {
    let InstanceDetail { instance, checkpoints, raw: _, raw_text: _, problem } = detail;
    let mut lines = pairs(about(instance));
    if !checkpoints.is_empty() {
        lines.push(Line::default());
        lines.extend(checkpoint::table(checkpoints).lines());
    }
    if let Some(problem) = problem {
        let message = escape::text(&problem.message);
        let text = format!("it cannot be asked now: {message} [{}]", problem.code.as_str());
        lines.extend([Line::default(), Line::new(crate::output::Tone::Bad, text)]);
    }
    lines
}

fn about(instance: &Instance) -> Vec<(&'static str, Cell)> {
    let Instance {
        id,
        name,
        host,
        host_name,
        host_state,
        provider,
        native,
        kind,
        state: _,
        stale: _,
        reason,
        image,
        created_at,
        exit_code,
        managed,
        labels,
        addresses,
        ports,
        told_at,
    } = instance;
    let now = Time::now();
    let past = |time: &Option<Time>| match time {
        Some(time) => Cell::from(format!("{time}  ({} ago)", human::ago(Some(*time), now))),
        None => Cell::from(""),
    };
    let or_empty = |text: &Option<String>| Cell::from(text.clone().unwrap_or_default());
    let exit = exit_code.map(|code| code.to_string()).unwrap_or_default();
    let ports: Vec<_> = ports.iter().map(Port::on_one_line).collect();
    vec![
        ("Name", name.as_str().into()),
        ("Id", id.as_str().into()),
        ("Host", format!("{host_name} ({host}, {host_state})").into()),
        ("Provider", provider.as_str().into()),
        ("Native id", native.as_str().into()),
        ("Kind", kind.as_str().into()),
        ("State", list::state(instance)),
        ("Reason", or_empty(reason)),
        ("Not up to date", list::staleness(instance).unwrap_or_default().into()),
        ("Exit code", exit.into()),
        ("Image", or_empty(image)),
        ("Created", past(created_at)),
        ("Made by", if *managed { "Tamer" } else { "somebody else" }.into()),
        ("Labels", human::labels(labels).into()),
        ("Addresses", addresses.join(", ").into()),
        ("Ports", ports.join(", ").into()),
        ("Told", past(told_at)),
    ]
}
