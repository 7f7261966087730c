//! `tamerctl workload scale|restart|stop|start|revert`.

use super::goal::{self, Goal, Until, reach, stand};
use crate::Session;
use crate::api::Change;
use crate::cmd::follow::Wait;
use crate::contract::WorkloadDetail;
use crate::errors::Failure;
use crate::output::{Line, print};

/// How a change is made.
#[derive(Debug, Clone, Copy, clap::Args)]
#[group(skip)]
pub struct How {
    /// Also when somebody else owns it
    #[arg(long)]
    take_over: bool,
    #[command(flatten)]
    wait: Wait,
}

/// Makes a change, and waits for what it comes to.
pub async fn run(name: &str, change: Change, how: How, session: &Session) -> Result<(), Failure> {
    let How { take_over, wait } = how;
    let mut api = session.api().await?;
    // Not asked again when its answer is lost: a restart that was begun would begin anew.
    let view = api.change_workload(name, change, take_over).await?;
    if !wait.is_wanted() {
        return session.show(&view, |_| vec![Line::plain(stand(&view))]);
    }
    if !session.for_scripts() {
        print::note(&stand(&view));
    }
    let outcomes = reach(vec![goal(&view, change)], wait, &api, session).await?;
    session.show(&outcomes, |_| goal::lines(&outcomes))?;
    goal::ended(&outcomes)
}

fn goal(view: &WorkloadDetail, change: Change) -> Goal {
    let until = match change {
        Change::Stop => Until::Stopped,
        Change::Remove => Until::Gone,
        Change::Scale(_)
        | Change::Restart
        | Change::Start
        | Change::Revert(_)
        | Change::Rebalance => Until::Well,
    };
    Goal { workload: view.workload.workload.clone(), version: view.workload.version, until }
}
