//! `tamerctl baseline ls`.

use super::show::table;
use crate::Session;
use crate::cmd::watch::watch;
use crate::contract::Time;
use crate::errors::Failure;
use crate::output::print;

/// Runs it.
pub async fn run(again: bool, session: &Session) -> Result<(), Failure> {
    if again {
        return watch(session, async |api| {
            let baselines = api.baselines().await?;
            session
                .render(&baselines, |wide| table(&baselines, Time::now(), wide, print::columns()))
        })
        .await;
    }
    let baselines = session.api().await?.baselines().await?;
    if baselines.is_empty() && !session.for_scripts() {
        print::note("no baselines yet; `tamerctl baseline set` says that what is there is right");
        return Ok(());
    }
    session.show(&baselines, |wide| table(&baselines, Time::now(), wide, print::columns()))
}
