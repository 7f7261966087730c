//! `tamerctl placement`: the copies of workloads, each on one host.

use super::watch::watch;
use super::workload::placements;
use crate::Session;
use crate::contract::{Placement, Time};
use crate::errors::Failure;
use crate::output::{Line, print};

/// What can be done with placements. They are made and stopped by the fleet itself.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List placements
    Ls {
        /// Only those of this host, by its name or id
        #[arg(long, value_name = "HOST")]
        host: Option<String>,
        /// Only those of this workload
        #[arg(long, value_name = "NAME")]
        workload: Option<String>,
        /// Show them again whenever they change
        #[arg(long)]
        watch: bool,
    },
}

/// Runs one.
pub async fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    let Verb::Ls { host, workload, watch: again } = verb;
    let (host, workload) = (host.unwrap_or_default(), workload.unwrap_or_default());
    if again {
        return watch(session, async |api| {
            let all = api.placements(&workload, &host).await?;
            session.render(&all, |wide| lines(&all, wide))
        })
        .await;
    }
    let all = session.api().await?.placements(&workload, &host).await?;
    if all.is_empty() && !session.for_scripts() {
        print::note("no placements; `tamerctl workload apply` makes some");
        return Ok(());
    }
    session.show(&all, |wide| lines(&all, wide))
}

fn lines(all: &[Placement], wide: bool) -> Vec<Line> {
    placements(all, true, Time::now(), wide, print::columns())
}
