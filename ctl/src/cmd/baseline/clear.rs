//! `tamerctl baseline clear`.

use tamer_model::{BaselineName, Problem};

use crate::Session;
use crate::errors::Failure;
use crate::output::{Line, print};
use crate::view::escape;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name
    baseline: BaselineName,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Runs it.
pub async fn run(Args { baseline, yes }: Args, session: &Session) -> Result<(), Failure> {
    if !yes {
        if !print::can_ask() {
            return Err(Problem::field("yes", "nobody can be asked whether to clear the baseline")
                .remedy(format!(
                    "to clear it without a question: `tamerctl baseline clear {baseline} -y`"
                ))
                .into());
        }
        if !print::confirm(&format!("Compare with {baseline} no more?")).await {
            print::note("nothing was changed");
            return Err(Failure::Targets);
        }
    }
    let cleared = session.api().await?.clear_baseline(baseline.as_str()).await?;
    session.show(&cleared, |_| {
        let text = format!(
            "{} is no baseline any more; it was at version {}",
            cleared.baseline, cleared.version
        );
        vec![Line::plain(escape::text(&text))]
    })
}
