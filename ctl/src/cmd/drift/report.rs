//! `tamerctl drift`: the report, and what it means to a pipeline.

use tamer_drift::Kind;
use tamer_drift::finding::{Report, Severity, html, markdown};
use tamer_model::{Code, Problem};

use super::question::Compared;
use super::table::{Shape, lines};
use crate::Session;
use crate::api::{DriftQuestion, Drifted};
use crate::cmd::watch::watch;
use crate::errors::Failure;
use crate::output::{Format, print};
use crate::view::escape;

/// Its arguments.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    #[command(flatten)]
    compared: Compared,
    /// Only findings about this kind of thing: package, service, user, port …
    #[arg(long, value_name = "KIND", value_parser = str::parse::<Kind>)]
    kind: Option<Kind>,
    /// Only findings of this severity or a higher one: low, medium, high, critical
    #[arg(long, value_name = "SEVERITY", value_parser = str::parse::<Severity>)]
    severity: Option<Severity>,
    /// Also findings that are set aside
    #[arg(long)]
    acknowledged: bool,
    /// Show each finding, also of those that are one story
    #[arg(long)]
    unfold: bool,
    /// Show it again whenever it changes
    #[arg(long)]
    watch: bool,
}

impl Args {
    /// Whether it is shown again and again.
    pub const fn is_watched(&self) -> bool {
        self.watch
    }

    /// What is asked; `named` findings may be among those that are set aside.
    pub fn question(self, named: bool) -> Result<DriftQuestion, Problem> {
        let Self { compared, kind, severity, acknowledged, unfold: _, watch: _ } = self;
        Ok(DriftQuestion {
            kind: kind.map(|kind| kind.to_string()).unwrap_or_default(),
            severity: severity.map(|severity| severity.to_string()).unwrap_or_default(),
            acknowledged: acknowledged || named,
            ..compared.question()?
        })
    }
}

/// Runs it. Whatever goes wrong is told with an exit code that says nothing about drift.
pub async fn run(args: Args, session: &Session) -> Result<(), Failure> {
    match look(args, session).await {
        Err(Failure::Problem(problem)) => Err(Failure::Unjudged(problem)),
        other => other,
    }
}

async fn look(args: Args, session: &Session) -> Result<(), Failure> {
    let (unfold, again) = (args.unfold, args.watch);
    let question = args.question(false)?;
    if again {
        return follow(&question, unfold, session).await;
    }
    let drifted = session.api().await?.drift(&question).await?;
    match print::text(&rendered(&drifted.report, unfold, session)?).map_err(Failure::from) {
        // Who reads only the beginning is told the same by the exit code.
        Ok(()) | Err(Failure::BrokenPipe) => verdict(&drifted),
        Err(other) => Err(other),
    }
}

/// Shows the report whenever it says something else. That it was made again is nothing else.
async fn follow(question: &DriftQuestion, unfold: bool, session: &Session) -> Result<(), Failure> {
    let mut shown: Option<(Report, String)> = None;
    watch(session, async |api| {
        let report = api.drift(question).await?.report;
        if let Some((before, text)) = &shown
            && (Report { at: report.at, ..before.clone() }) == report
        {
            return Ok(text.clone());
        }
        let text = rendered(&report, unfold, session)?;
        shown = Some((report, text.clone()));
        Ok(text)
    })
    .await
}

fn rendered(report: &Report, unfold: bool, session: &Session) -> Result<String, Failure> {
    match session.format() {
        Format::Markdown => Ok(harmless(&markdown(report))),
        Format::Html => Ok(html(report)),
        Format::Table | Format::Wide | Format::Json | Format::Jsonl | Format::Yaml => session
            .render(report, |wide| {
                lines(report, Shape { wide, unfold, columns: print::columns() })
            }),
    }
}

/// A text of several lines that moves no terminal.
pub(super) fn harmless(text: &str) -> String {
    text.lines().map(|line| escape::text(line) + "\n").collect()
}

fn verdict(drifted: &Drifted) -> Result<(), Failure> {
    let unknown = |message: &str, remedy: &str| {
        let problem = Problem::new(Code::WrongState, message).remedy(remedy);
        Err(Failure::Unjudged(problem))
    };
    match (drifted.is_drift(), drifted.observed, drifted.report.summary.hosts) {
        (true, _, _) => Err(Failure::Drift),
        (false, _, 0) => unknown(
            "no host was compared, so nothing is known",
            "check the selector, and that the baseline has hosts: `tamerctl baseline show`",
        ),
        (false, false, _) => unknown(
            "nothing differs of what was seen, and not everything was seen",
            "the report ends with what nobody looked at, and why",
        ),
        (false, true, _) => Ok(()),
    }
}
