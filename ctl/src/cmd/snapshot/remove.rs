//! `tamerctl snapshot rm`.

use tamer_model::Problem;

use crate::Session;
use crate::contract::RemovedSnapshot;
use crate::errors::Failure;
use crate::output::{Line, print};
use crate::view::escape;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its id, or a name: the newest that has it
    snapshot: String,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Runs it.
pub async fn run(Args { snapshot, yes }: Args, session: &Session) -> Result<(), Failure> {
    let mut api = session.api().await?;
    let id = match yes {
        true => snapshot,
        // By its id: a name may mean a newer one when the answer comes.
        false => match asked(&snapshot, &mut api).await? {
            Some(id) => id,
            None => return Err(Failure::Targets),
        },
    };
    let removed = RemovedSnapshot { snapshot: api.remove_snapshot(&id).await? };
    session.show(&removed, |_| {
        vec![Line::plain(format!("{} is removed", escape::text(&removed.snapshot)))]
    })
}

async fn asked(snapshot: &str, api: &mut crate::api::Api) -> Result<Option<String>, Failure> {
    if !print::can_ask() {
        return Err(Problem::field("yes", "nobody can be asked whether to remove the snapshot")
            .remedy("to remove it without a question: add --yes")
            .into());
    }
    let known = api.snapshot(snapshot).await?.snapshot;
    let name = known.name.map(|name| format!(" ({name})")).unwrap_or_default();
    let what = format!("Remove {}{name} of {}, for good?", known.snapshot, known.at);
    if print::confirm(&escape::text(&what)).await {
        return Ok(Some(known.snapshot));
    }
    print::note("nothing was changed");
    Ok(None)
}
