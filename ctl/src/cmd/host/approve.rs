//! `tamerctl host approve`: a person compares two codes.

use tamer_model::{Code, Problem};

use super::super::pairs;
use crate::Session;
use crate::contract::Host;
use crate::errors::Failure;
use crate::output::{Line, print};
use crate::view::escape;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name or id
    host: String,
    /// The code that the agent printed; asked for when absent
    #[arg(long)]
    code: Option<String>,
    /// Give it a label
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = pairs::pair)]
    labels: Vec<(String, String)>,
}

/// Runs it.
pub async fn run(Args { host, code, labels }: Args, session: &Session) -> Result<(), Failure> {
    let labels = pairs::labels(labels)?;
    let mut api = session.api().await?;
    let waiting = waiting(api.hosts("", &host).await?, &host)?;
    let code = match code {
        Some(code) => code,
        None => compare(&waiting).await?,
    };
    let host = api.approve_host(&waiting.id, &code, labels).await?;
    session.show(&host, |_| vec![Line::plain(format!("{} may join", host.name))])
}

/// The one host of this name that waits.
fn waiting(hosts: Vec<Host>, name: &str) -> Result<Host, Problem> {
    let known = !hosts.is_empty();
    let mut waiting: Vec<_> = hosts.into_iter().filter(|host| host.state == "pending").collect();
    match (waiting.len(), known) {
        (1, _) => Ok(waiting.remove(0)),
        (0, true) => {
            Err(Problem::new(Code::WrongState, format!("{name} does not wait for approval"))
                .on("host"))
        }
        (0, false) => Err(super::missing(name)),
        (_, _) => Err(Problem::new(Code::Ambiguous, format!("several hosts called {name} wait"))
            .on("host")
            .remedy("give the id of the one you mean: `tamerctl host ls -o wide`")),
    }
}

/// Shows the code that the coordinator was given, and asks whether the agent shows the same.
async fn compare(host: &Host) -> Result<String, Failure> {
    let code = host.join_code.clone().unwrap_or_default();
    if !print::can_ask() {
        return Err(Problem::field("code", "nobody can be asked to compare the codes")
            .remedy("give the code that the agent printed: --code CODE")
            .into());
    }
    let from = host.peer.as_deref().map(|peer| format!(" from {peer}")).unwrap_or_default();
    print::note(&escape::text(&format!("{} asks to join{from} with the code", host.name)));
    print::note(&format!("\n    {}\n", escape::text(&code)));
    if print::confirm("Did its agent print the same code?").await {
        return Ok(code);
    }
    print::note("not approved; if the codes differ, somebody else is asking in its name");
    Err(Failure::Targets)
}
