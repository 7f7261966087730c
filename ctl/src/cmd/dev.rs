//! `tamerctl dev`: a coordinator and agents on this machine, as the real programs, under one
//! folder. They end with this program, however it ends: each leaves when its standard input, a
//! pipe from here, is closed.

mod child;
mod place;
mod start;

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Serialize;
use tamer_model::{Code, Problem};

use self::child::Children;
use self::place::Place;
use self::start::start;
use crate::Session;
use crate::errors::Failure;
use crate::output::{Line, Tone, print};
use crate::platform::stop_requests;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many agents
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    agents: u32,
    /// The folder that holds everything [default: ~/.local/share/tamer/dev]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where the coordinator listens [default: 127.0.0.1:8443, or any port when it is taken]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
}

/// What runs.
#[derive(Debug, Serialize)]
struct Up {
    address: String,
    context: String,
    data: PathBuf,
    agents: Vec<String>,
}

/// Runs it.
pub async fn run(args: Args, session: &Session) -> Result<(), Failure> {
    let mut stop = stop_requests()?;
    let place = Place::find(args)?;
    let mut children = Children::default();
    let outcome = tokio::select! {
        outcome = serve(&place, &mut children, session) => outcome,
        () = stop.next() => Ok(()),
    };
    if !children.is_empty() {
        print::note("stopping …");
        children.stop().await;
    }
    outcome
}

/// Starts everything, says what to do next, and watches until something that matters dies.
async fn serve(place: &Place, children: &mut Children, session: &Session) -> Result<(), Failure> {
    let up = start(place, children).await?;
    session.show_one(&up, |_| next_steps(&up))?;
    loop {
        let dead = children.next_death().await;
        print::note(&dead.story());
        if dead.is_coordinator {
            return Err(died(&dead.name).into());
        }
    }
}

fn died(name: &str) -> Problem {
    Problem::new(Code::Internal, format!("{name} ended by itself"))
        .remedy("its last words are above, and all of them in its log")
}

fn next_steps(up: &Up) -> Vec<Line> {
    let tamerctl = place::own_command();
    vec![
        Line::new(Tone::Good, "ready").and(
            Tone::Plain,
            format!("  coordinator {}, hosts {}", up.address, up.agents.join(", ")),
        ),
        Line::new(Tone::Dim, format!("state and logs in {}", up.data.display())),
        Line::default(),
        Line::plain("Next, in another terminal:"),
        Line::default(),
        Line::new(Tone::Strong, format!("  {tamerctl} run -- uname -a")),
        Line::new(Tone::Strong, format!("  {tamerctl} host ls")),
        Line::default(),
        Line::plain("Ctrl-C ends all of it; the state stays for the next time."),
    ]
}
