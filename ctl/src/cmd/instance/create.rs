//! `tamerctl instance create`: an instance on one host or many, from flags or a file.

mod file;
mod flags;
mod words;

use std::path::PathBuf;

use tamer_model::{Action, CreateInstance, HostId, HostName, InstanceSpec, Problem, Selector};

use super::super::start;
use crate::Session;
use crate::api::{BatchOrder, Targets};
use crate::errors::Failure;
use crate::spec::How;

/// Its arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Sizes are numbers of bytes with K, M, G or T for powers of 1024: 512M is 536,870,912.\n\
    Each host's answer is the id that its technology gave the instance."
)]
pub struct Args {
    /// By which provider: docker, podman, libvirt …
    #[arg(long, value_name = "NAME")]
    provider: String,
    /// On the hosts that a selector means, as `os=linux,site in (berlin,paris)`
    #[arg(short = 'l', long, value_name = "SELECTOR", conflicts_with = "host")]
    hosts: Option<String>,
    /// On this host: its name or id
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// On every host of the fleet
    #[arg(long, conflicts_with_all = ["host", "hosts"])]
    all_hosts: bool,
    /// Read the spec from a YAML file; `-` is standard input
    #[arg(short, long, value_name = "FILE", conflicts_with = "spec")]
    file: Option<PathBuf>,
    #[command(flatten)]
    flags: flags::Flags,
    /// Make it and do not start it
    #[arg(long)]
    no_start: bool,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    start: start::Args,
}

/// Runs it.
pub async fn run(args: Args, session: &Session) -> Result<(), Failure> {
    let Args { provider, hosts, host, all_hosts, file, flags, no_start, how, start } = args;
    let provider = provider.parse().map_err(helped)?;
    let selector = selector(hosts, host, all_hosts)?;
    let spec = match file {
        Some(path) => file::read(&path),
        None => flags.spec(),
    };
    let spec = spec.and_then(InstanceSpec::validate).map_err(helped)?;
    let create = CreateInstance { provider, start: !no_start, spec };
    let mut order = BatchOrder::new(Action::Create(Box::new(create)), Targets::Hosts(selector));
    how.apply(&mut order.spec)?;
    start::start(order, start, session.api().await?, session).await
}

/// A problem of a spec, which knows of no command line, with a way to go on.
fn helped(problem: Problem) -> Problem {
    let help = || "see `tamerctl instance create --help`".to_owned();
    Problem { remedy: problem.remedy.or_else(|| Some(help())), ..problem }
}

fn selector(
    hosts: Option<String>,
    host: Option<String>,
    all_hosts: bool,
) -> Result<String, Problem> {
    match (hosts, host) {
        (Some(text), _) => {
            text.parse::<Selector>().map(|_| text).map_err(|problem| problem.on("hosts"))
        }
        (None, Some(host)) if host.parse::<HostId>().is_ok() => Ok(format!("id={host}")),
        (None, Some(host)) => match host.parse::<HostName>() {
            Ok(name) => Ok(format!("name={name}")),
            Err(error) => Err(Problem::field("host", error.to_string())
                .remedy("`tamerctl host ls` shows the names")),
        },
        (None, None) if all_hosts => Ok(String::new()),
        (None, None) => Err(Problem::field("hosts", "nothing says on which hosts")
            .remedy("name one with --host, select them with -l, or mean all with --all-hosts")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_said_and_never_guessed() {
        let some = |text: &str| Some(text.to_owned());
        let told = |hosts: Option<String>, host, all| {
            selector(hosts, host, all).map_err(|problem| problem.field.expect("a field"))
        };
        assert_eq!(told(None, some("web-1"), false), Ok("name=web-1".to_owned()));
        let id = "h-0123456789abcdef";
        assert_eq!(told(None, some(id), false), Ok(format!("id={id}")));
        assert_eq!(told(some("os=linux"), None, false), Ok("os=linux".to_owned()));
        assert_eq!(told(None, None, true), Ok(String::new()));
        assert_eq!(told(None, None, false), Err("hosts".to_owned()));
        assert_eq!(told(some(""), None, false), Err("hosts".to_owned()));
        for host in ["", "a b", "web*"] {
            assert_eq!(told(None, some(host), false), Err("host".to_owned()), "{host:?}");
        }
    }
}
