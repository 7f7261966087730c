//! `tamerctl workload rm`.

use tamer_model::Problem;

use super::goal::{self, Goal, Until, reach};
use crate::Session;
use crate::api::Change;
use crate::cmd::follow::Wait;
use crate::errors::Failure;
use crate::output::{Line, human, print};
use crate::view::escape;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name
    name: String,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Also when somebody else owns it
    #[arg(long)]
    take_over: bool,
    #[command(flatten)]
    wait: Wait,
}

/// Runs it.
pub async fn run(args: Args, session: &Session) -> Result<(), Failure> {
    let Args { name, yes, take_over, wait } = args;
    let mut api = session.api().await?;
    if !yes {
        if !print::can_ask() {
            return Err(Problem::field(
                "yes",
                "nobody can be asked whether to remove the workload",
            )
            .remedy(format!("to remove it without a question: `tamerctl workload rm {name} -y`"))
            .into());
        }
        let view = api.workload(&name).await?;
        let copies = match view.workload.copies.running {
            1 => "1 copy that runs".to_owned(),
            many => format!("{} that run", human::count(many as usize, "instance")),
        };
        let name = escape::text(&name);
        if !print::confirm(&format!("Remove {name} and its {copies}, for good?")).await {
            print::note("nothing was changed");
            return Err(Failure::Targets);
        }
    }
    let view = api.change_workload(&name, Change::Remove, take_over).await?;
    if !wait.is_wanted() {
        let shown = escape::text(&name);
        return session.show(&view, |_| {
            vec![Line::plain(format!("{shown} goes when its last copy is gone"))]
        });
    }
    let goal = Goal { workload: name, version: view.workload.version, until: Until::Gone };
    let outcomes = reach(vec![goal], wait, &api, session).await?;
    session.show(&outcomes, |_| goal::lines(&outcomes))?;
    goal::ended(&outcomes)
}
