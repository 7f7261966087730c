//! `tamerctl schedule`: batches that are made when they are due.

mod create;
mod list;
mod show;

use crate::Session;
use crate::contract::Schedule;
use crate::errors::Failure;
use crate::output::{Line, print};

/// What can be done with schedules.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Make a schedule: the flags of `run`, and when
    #[command(after_long_help = create::EXAMPLES)]
    Create(Box<create::Args>),
    /// List schedules
    Ls,
    /// Show one, with the times that come next and what came of those that have passed
    Show {
        /// Its name
        name: String,
    },
    /// Run it now, besides the times that are due
    Run {
        /// Its name
        name: String,
        /// Also when its window is closed
        #[arg(long)]
        outside_window: bool,
    },
    /// Let it go on; what was due while it was disabled is left out
    Enable {
        /// Its name
        name: String,
    },
    /// Let it be until it is enabled again; what runs goes on
    Disable {
        /// Its name
        name: String,
    },
    /// Remove it; what runs goes on
    Rm {
        /// Its name
        name: String,
    },
}

/// Runs one.
pub async fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::Create(args) => create::run(*args, session).await,
        Verb::Ls => list(session).await,
        Verb::Show { name } => {
            let schedule = session.api().await?.schedule(&name).await?;
            session.show(&schedule, |_| show::lines(&schedule))
        }
        Verb::Run { name, outside_window } => {
            let schedule = session.api().await?.run_schedule(&name, outside_window).await?;
            session.show(&schedule, |_| ran(&schedule))
        }
        Verb::Enable { name } => enable(&name, true, session).await,
        Verb::Disable { name } => enable(&name, false, session).await,
        Verb::Rm { name } => {
            session.api().await?.remove_schedule(&name).await?;
            session.show(&serde_json::json!({ "schedule": name }), |_| {
                vec![Line::plain(format!("{name} removed"))]
            })
        }
    }
}

async fn list(session: &Session) -> Result<(), Failure> {
    let schedules = session.api().await?.schedules().await?;
    if schedules.is_empty() && !session.for_scripts() {
        print::note("no schedules; `tamerctl schedule create` makes one");
        return Ok(());
    }
    session.show(&schedules, |wide| list::table(&schedules, wide))
}

async fn enable(name: &str, enabled: bool, session: &Session) -> Result<(), Failure> {
    let schedule = session.api().await?.enable_schedule(name, enabled).await?;
    session.show(&schedule, |_| {
        let what = if enabled { "enabled" } else { "disabled" };
        let mut lines = vec![Line::plain(format!("{name} {what}"))];
        lines.extend(show::next(&schedule));
        lines
    })
}

fn ran(schedule: &Schedule) -> Vec<Line> {
    let batch = schedule.last_batch.as_deref().unwrap_or("last");
    vec![
        Line::plain(format!("{} runs as {batch}", schedule.schedule)),
        Line::new(crate::output::Tone::Dim, format!("`tamerctl batch watch {batch}` follows it.")),
    ]
}
