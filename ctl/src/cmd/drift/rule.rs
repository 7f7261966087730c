//! `tamerctl drift rule`: what nobody wants to hear of.

mod fields;
mod list;

use tamer_model::{RuleName, Timestamp};

use crate::Session;
use crate::cmd::pairs;
use crate::contract::RemovedRule;
use crate::errors::Failure;
use crate::output::{Line, Tone, print, wrap};
use crate::view::escape;

pub use fields::Fields;
pub use list::hides;

/// What can be done with ignore rules.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List rules
    Ls,
    /// Say what a rule would have hidden, and change nothing
    Try {
        /// The rule.
        #[command(flatten)]
        fields: Fields,
        /// Only since then: so long ago (10m, 2h), or a time (2026-01-31T12:00:00Z)
        #[arg(long, value_name = "SPAN|TIME", value_parser = pairs::moment)]
        since: Option<Timestamp>,
    },
    /// Hide what a rule names, in the place of a rule of the same name
    Add(Fields),
    /// Tell again what a rule hides
    Rm {
        /// Its name
        rule: RuleName,
    },
}

/// Runs one.
pub async fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::Ls => list::run(session).await,
        Verb::Try { fields, since } => {
            let since = since.map(Timestamp::as_millis);
            let replay = session.api().await?.replay_rule(fields.document(), since).await?;
            session.show(&replay, |_| {
                let mut lines = wrap("", Tone::Strong, &replay.words, print::columns());
                let examples = replay.examples.iter();
                lines.extend(
                    examples.flat_map(|one| wrap("- ", Tone::Plain, one, print::columns())),
                );
                lines
            })
        }
        Verb::Add(fields) => {
            let rule = session.api().await?.put_rule(fields.document()).await?;
            session
                .show(&rule, |_| list::lines(std::slice::from_ref(&rule), false, print::columns()))
        }
        Verb::Rm { rule } => {
            let rule = session.api().await?.remove_rule(rule.as_str()).await?;
            let text = format!("{} hides nothing any more", escape::text(&rule));
            session.show(&RemovedRule { rule }, |_| vec![Line::plain(text)])
        }
    }
}
