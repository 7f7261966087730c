//! `tamerctl baseline accept`: always explicit, and always with a reason.

use tamer_model::{BaselineName, Code, FindingId, Problem};

use super::DEFAULT;
use super::show::made;
use crate::Session;
use crate::api::{Accept, Api, DriftQuestion};
use crate::errors::Failure;
use crate::output::print;
use crate::view::escape;

/// What the long help ends with.
pub const EXAMPLES: &str = "\
Examples:
  tamerctl baseline accept d-0123456789abcdef --note \"the new kernel\"
  tamerctl baseline accept --all --note \"after the move to Debian 13\"

The baseline gets a new version; the earlier one stays on record. What was not accepted goes on being
told as drift.";

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The findings' ids, as `tamerctl drift` shows them
    #[arg(required_unless_present = "all")]
    findings: Vec<FindingId>,
    /// Every finding there is, and every host that the baseline does not have
    #[arg(long, conflicts_with = "findings")]
    all: bool,
    /// Why they are right
    #[arg(long, value_name = "TEXT")]
    note: String,
    /// The baseline that gets a new version
    #[arg(long, value_name = "NAME", default_value = DEFAULT)]
    baseline: BaselineName,
    /// Fail when the baseline is at another version than this one [default: the one that is asked about]
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(u32).range(1..))]
    expected: Option<u32>,
    /// Do not ask before all are accepted
    #[arg(short, long)]
    yes: bool,
}

/// Runs it. A lost answer is not asked for again: that might accept what came meanwhile.
pub async fn run(args: Args, session: &Session) -> Result<(), Failure> {
    let Args { findings, all, note, baseline, expected, yes } = args;
    if note.trim().is_empty() {
        return Err(Problem::field("note", "it says nothing")
            .remedy("say why this is right: --note TEXT")
            .into());
    }
    let mut api = session.api().await?;
    let name = baseline.to_string();
    let expected = match (all && !yes, expected) {
        (true, expected) => Some(asked(&mut api, &name, expected).await?),
        (false, expected) => expected,
    };
    let findings = findings.iter().map(ToString::to_string).collect();
    let accepted = api.accept_drift(Accept { baseline: name, findings, note, expected }).await?;
    session.show(&accepted, |_| made(&accepted))
}

/// The version that the person who was asked looked at.
async fn asked(api: &mut Api, name: &str, expected: Option<u32>) -> Result<u32, Failure> {
    if !print::can_ask() {
        return Err(Problem::field("yes", "nobody can be asked whether to accept all findings")
            .remedy("to accept all without a question: add --yes")
            .into());
    }
    let versions = api.baseline_versions(name).await?;
    let newest = versions.first().filter(|version| !version.cleared).ok_or_else(|| {
        Problem::new(Code::NotFound, format!("there is no baseline {name:?}"))
            .remedy("`tamerctl baseline ls` lists them")
    })?;
    let question =
        DriftQuestion { baseline: name.to_owned(), acknowledged: true, ..DriftQuestion::default() };
    let words = api.drift(&question).await?.report.summary.words;
    let version = expected.unwrap_or(newest.version);
    let what = format!("{words} Make all of it right, after version {version} of {name}?");
    if !print::confirm(&escape::text(&what)).await {
        print::note("nothing was changed");
        return Err(Failure::Targets);
    }
    Ok(version)
}
