//! `tamerctl snapshot take`.

use tamer_model::{SnapshotName, Timestamp};

use super::show::about;
use crate::Session;
use crate::api::Take;
use crate::cmd::pairs;
use crate::contract::Time;
use crate::errors::Failure;
use crate::follow::insist;
use crate::output::print;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to call it; several may have one name, which then means the newest
    #[arg(long, value_name = "NAME")]
    name: Option<SnapshotName>,
    /// What to keep it under, such as commit=1f2e3d; can be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = pairs::pair)]
    tag: Vec<(String, String)>,
    /// Only hosts that a selector means
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<String>,
    /// What the hosts held so long ago (10m, 2h), or at a time (2026-01-31T12:00:00Z)
    #[arg(long, value_name = "SPAN|TIME", value_parser = pairs::moment)]
    at: Option<Timestamp>,
}

/// Runs it.
pub async fn run(args: Args, session: &Session) -> Result<(), Failure> {
    let Args { name, tag, selector, at } = args;
    let take = Take {
        name: name.map(|name| name.to_string()).unwrap_or_default(),
        tags: tag.into_iter().collect(),
        selector: pairs::selector(selector)?,
        at: at.map(Timestamp::as_millis),
        request_id: format!("{:032x}", fastrand::u128(..)),
    };
    let mut api = session.api().await?;
    let taken = insist(session, &mut api, async |api| api.take_snapshot(&take).await).await?;
    session.show(&taken, |_| about(&taken, Time::now(), print::columns()))
}
