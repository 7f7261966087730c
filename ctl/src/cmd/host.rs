//! `tamerctl host`: the machines that run an agent.

mod approve;
mod cordon;
mod drain;
mod show;

use serde::Serialize;
use tamer_model::Problem;

use super::pairs;
use super::watch::watch;
use crate::Session;
use crate::contract::{Host, Time};
use crate::errors::Failure;
use crate::output::{Cell, Line, Table, human, print};

/// What can be done with hosts.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List hosts
    Ls {
        /// Only those that a selector means, as `os=linux,site in (berlin,paris)`
        #[arg(short = 'l', long, value_name = "SELECTOR")]
        selector: Option<String>,
        /// Show them again whenever they change
        #[arg(long)]
        watch: bool,
    },
    /// Show everything about a host
    Show {
        /// Its name or id
        host: String,
    },
    /// Change a host's labels: `key=value` sets one, `key-` removes it
    Label {
        /// Its name or id
        host: String,
        /// What to change
        #[arg(required = true, value_name = "KEY=VALUE|KEY-")]
        labels: Vec<String>,
    },
    /// Let a host in that asked to join without a token
    Approve(approve::Args),
    /// Give a host no new work; what it runs goes on
    Cordon {
        /// Its name or id
        host: String,
        /// Why, for people
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Give a host work again
    Uncordon {
        /// Its name or id
        host: String,
    },
    /// Move the copies of workloads to other hosts, and give it no new work
    #[command(after_long_help = drain::EXAMPLES)]
    Drain(drain::Args),
    /// Remove a host from the fleet, for good
    Rm {
        /// Its name or id
        host: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

/// Runs one.
pub async fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::Ls { selector, watch } => {
            let selector = pairs::selector(selector)?;
            list(&selector, watch, session).await
        }
        Verb::Show { host } => {
            let host = one(session, &host).await?;
            session.show(&host, |_| show::lines(&host))
        }
        Verb::Label { host, labels } => label(&host, &labels, session).await,
        Verb::Approve(args) => approve::run(args, session).await,
        Verb::Cordon { host, reason } => {
            cordon::run(&host, true, &reason.unwrap_or_default(), session).await
        }
        Verb::Uncordon { host } => cordon::run(&host, false, "", session).await,
        Verb::Drain(args) => drain::run(args, session).await,
        Verb::Rm { host, yes } => remove(&host, yes, session).await,
    }
}

async fn list(selector: &str, again: bool, session: &Session) -> Result<(), Failure> {
    if again {
        return watch(session, async |api| {
            let hosts = api.hosts(selector, "").await?;
            session.render(&hosts, |wide| table(&hosts, wide))
        })
        .await;
    }
    let hosts = session.api().await?.hosts(selector, "").await?;
    if hosts.is_empty() && !session.for_scripts() {
        print::note(match selector {
            "" => "no hosts yet; `tamerctl token create` lets one in",
            _ => "no host is meant by this selector",
        });
        return Ok(());
    }
    session.show(&hosts, |wide| table(&hosts, wide))
}

fn table(hosts: &[Host], wide: bool) -> Vec<Line> {
    let now = Time::now();
    let mut head = vec!["NAME", "STATE", "OS", "ARCH", "SEEN", "LABELS"];
    if wide {
        head.extend(["ID", "AGENT", "KERNEL", "CPUS", "MEMORY", "INSTANCES", "ADDRESSES"]);
    }
    let mut table = Table::new(head);
    for host in hosts {
        let os = match host.distro.as_str() {
            "" => host.os.clone(),
            distro => format!("{distro} {}", host.distro_version),
        };
        let mut cells: Vec<Cell> = vec![
            host.name.as_str().into(),
            cordon::state(host),
            os.trim().into(),
            host.arch.as_str().into(),
            human::ago(host.last_seen, now).into(),
            human::labels(&host.labels).into(),
        ];
        if wide {
            cells.extend([
                Cell::from(host.id.as_str()),
                host.agent_version.as_str().into(),
                host.kernel.as_str().into(),
                host.cpus.to_string().into(),
                human::size(host.memory_bytes).into(),
                host.instances.to_string().into(),
                host.addresses.join(",").into(),
            ]);
        }
        table.row(cells);
    }
    table.lines()
}

async fn label(host: &str, labels: &[String], session: &Session) -> Result<(), Failure> {
    let (set, remove) = pairs::changes(labels)?;
    let host = session.api().await?.label_host(host, set, remove).await?;
    session.show(&host, |_| {
        let labels = match human::labels(&host.labels) {
            none if none.is_empty() => "no labels".to_owned(),
            labels => labels,
        };
        vec![Line::plain(format!("{}: {labels}", host.name))]
    })
}

#[derive(Serialize)]
struct Removed {
    id: String,
    name: String,
}

async fn remove(host: &str, yes: bool, session: &Session) -> Result<(), Failure> {
    if !yes {
        if !print::can_ask() {
            return Err(Problem::field("yes", "nobody can be asked whether to remove the host")
                .remedy(format!("to remove it without a question: `tamerctl host rm {host} -y`"))
                .into());
        }
        let question = format!("Remove {host} for good? Its agent must join again to come back.");
        if !print::confirm(&question).await {
            print::note("nothing was changed");
            return Err(Failure::Targets);
        }
    }
    let (id, name) = session.api().await?.remove_host(host).await?;
    let removed = Removed { id, name };
    session.show(&removed, |_| vec![Line::plain(format!("{} removed", removed.name))])
}

/// The host of this name or id.
async fn one(session: &Session, name: &str) -> Result<Host, Failure> {
    let mut hosts = session.api().await?.hosts("", name).await?;
    match hosts.len() {
        1 => Ok(hosts.remove(0)),
        0 => Err(missing(name).into()),
        _ => Err(Problem::new(
            tamer_model::Code::Ambiguous,
            format!("several hosts are called {name}"),
        )
        .on("host")
        .remedy("give the id: `tamerctl host ls -o wide`")
        .into()),
    }
}

fn missing(name: &str) -> Problem {
    Problem::new(tamer_model::Code::NotFound, format!("there is no host {name:?}"))
        .on("host")
        .remedy("`tamerctl host ls` shows those there are")
}
