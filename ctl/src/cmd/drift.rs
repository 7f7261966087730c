//! `tamerctl drift`: what is not as the baseline says.

mod acknowledge;
mod explain;
mod fix;
mod history;
mod noise;
mod question;
mod report;
mod rule;
mod show;
mod table;
mod watch;

use crate::Session;
use crate::errors::Failure;

pub use history::change;

/// What the long help ends with.
pub const EXAMPLES: &str = "\
Examples:
  tamerctl baseline set                         what is there now is right
  tamerctl drift                                what is not so any more
  tamerctl drift --severity high -l role=web    only what matters, only there
  tamerctl drift show d-0123456789abcdef        everything about one finding
  tamerctl drift -o html > drift.html           one page to mail around
  tamerctl drift --fix --dry-run                what would bring the baseline back
  tamerctl drift --fix d-0123456789abcdef       bring it back, after a question

Exit codes: 0 when nothing differs, 1 when something does, 2 on any error, and when nothing differs of
what was seen and not everything was: silence is never \"no drift\". What is set aside, or not asked for
by --kind and --severity, does not count. With --fix they are those of `tamerctl run`.";

/// Its arguments.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    report: report::Args,
    #[command(flatten)]
    fix: fix::Args,
}

/// What else can be done with it.
#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Show everything about one finding
    Show(show::Args),
    /// Tell what happened in sentences: of one finding, or of all
    Explain(explain::Args),
    /// Show what a host, or one thing on it, was: the newest step first
    History(history::Args),
    /// Print it whenever the set of findings is another one: what is new, and what is gone
    Watch(watch::Args),
    /// Set a finding aside for a while
    Ack(acknowledge::Args),
    /// Show rules that the history suggests: fields that flip. Or adopt one
    Noise(noise::Args),
    /// What nobody wants to hear of
    #[command(subcommand)]
    Rule(Box<rule::Verb>),
}

impl Args {
    /// Whether its answer can be a document.
    pub fn makes_documents(&self) -> bool {
        match &self.verb {
            None => !self.report.is_watched() && !self.fix.is_wanted(),
            Some(Verb::Show(_) | Verb::Explain(_)) => true,
            Some(
                Verb::History(_) | Verb::Watch(_) | Verb::Ack(_) | Verb::Noise(_) | Verb::Rule(_),
            ) => false,
        }
    }
}

/// Runs it.
pub async fn run(Args { verb, report, fix }: Args, session: &Session) -> Result<(), Failure> {
    fix.check().map_err(Failure::Unjudged)?;
    match verb {
        None if fix.is_wanted() => {
            let question = report.question(fix.names())?;
            fix::run(fix, question, session).await
        }
        None => report::run(report, session).await,
        Some(Verb::Show(args)) => show::run(args, session).await,
        Some(Verb::Explain(args)) => explain::run(args, session).await,
        Some(Verb::History(args)) => history::run(args, session).await,
        Some(Verb::Watch(args)) => watch::run(args, session).await,
        Some(Verb::Ack(args)) => acknowledge::run(args, session).await,
        Some(Verb::Noise(args)) => noise::run(args, session).await,
        Some(Verb::Rule(verb)) => rule::run(*verb, session).await,
    }
}
