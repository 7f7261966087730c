//! Coming up: the coordinator, a token, the agents, the context.

use std::time::Duration;

use tamer_model::{Code, Problem};
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use super::child::Children;
use super::place::{AgentPlace, Place};
use super::{Up, died};
use crate::api::Api;
use crate::connect;
use crate::context::{self, Context, Folder};
use crate::errors::Failure;
use crate::output::print;

/// How long the coordinator may take, and then the agents. A first start makes keys and syncs.
const COMING_UP: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);
const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);
/// What to call the context.
const CONTEXT: &str = "dev";

/// Starts everything and waits until it is ready.
pub async fn start(place: &Place, children: &mut Children) -> Result<Up, Failure> {
    let (address, mut context) = coordinator(place, children).await?;
    let mut api = connect::connect(&context).await?;
    agents(place, &address, &mut api, children).await?;
    remember(&mut context)?;
    let agents = children.agents();
    Ok(Up { address, context: context.name, data: place.data.clone(), agents })
}

async fn coordinator(place: &Place, children: &mut Children) -> Result<(String, Context), Failure> {
    let name = "coordinator";
    let mut command = Command::new(&place.coordinator);
    command
        .args(["run", "--exit-with-stdin", "--no-mdns", "--health", "127.0.0.1:0", "--data"])
        .arg(place.data.join(name))
        .args(["--listen", &place.listen.to_string()]);
    let ready = children.start_coordinator(name, command, place.log(name)?)?;
    // The line never comes when the program ends first: its output ends with it.
    let line = match timeout(COMING_UP, ready).await {
        Ok(Ok(line)) => line,
        Ok(Err(_)) => {
            let dead = children.next_death().await;
            print::note(&dead.story());
            return Err(died(name).into());
        }
        Err(_) => return Err(late("the coordinator", place).into()),
    };
    let (address, path) = parse(&line)
        .ok_or_else(|| Problem::new(Code::Internal, format!("the coordinator said {line:?}")))?;
    let mut context = context::read(path.as_ref())?;
    context.addresses = vec![address.clone()];
    Ok((address, context))
}

/// Reads `ready address=… health=… context=…`; the path is last and may hold spaces.
fn parse(line: &str) -> Option<(String, String)> {
    let (words, path) = line.split_once(" context=")?;
    let address = words.split(' ').find_map(|word| word.strip_prefix("address="))?;
    Some((address.to_owned(), path.to_owned()))
}

async fn agents(
    place: &Place,
    address: &str,
    api: &mut Api,
    children: &mut Children,
) -> Result<(), Failure> {
    let new = place.agents.iter().filter(|agent| !agent.has_joined()).count();
    let token = match u32::try_from(new) {
        Ok(uses @ 1..) => {
            Some(api.create_token(TOKEN_LIFETIME, uses, Default::default()).await?.token)
        }
        Ok(0) | Err(_) => None,
    };
    for agent in &place.agents {
        let mut command = Command::new(&place.agent);
        command
            .args(["run", "--exit-with-stdin", "--no-discovery", "--data"])
            .arg(&agent.data)
            .args(["--coordinator", address, "--name", &agent.name])
            .env_remove("TAMER_TOKEN");
        if let (Some(token), false) = (&token, agent.has_joined()) {
            command.env("TAMER_TOKEN", token);
        }
        children.start_agent(&agent.name, command, place.log(&agent.name)?)?;
    }
    tokio::select! {
        ready = timeout(COMING_UP, all_ready(api, &place.agents)) => match ready {
            Ok(ready) => ready,
            Err(_) => Err(late("some agent", place).into()),
        },
        dead = children.next_death() => {
            print::note(&dead.story());
            Err(died(&dead.name).into())
        }
    }
}

async fn all_ready(api: &mut Api, agents: &[AgentPlace]) -> Result<(), Failure> {
    loop {
        let hosts = api.hosts("state=ready", "").await?;
        if agents
            .iter()
            .all(|agent| hosts.iter().any(|host| host.name == agent.name && host.state == "ready"))
        {
            return Ok(());
        }
        sleep(POLL).await;
    }
}

/// Makes the context the one in use, and says so when that was another.
fn remember(context: &mut Context) -> Result<(), Problem> {
    context.name = CONTEXT.to_owned();
    let folder = Folder::of_user()?;
    let before = folder.current()?;
    folder.import(context, true)?;
    if let Some(before) = before.filter(|before| before != CONTEXT) {
        print::note(&format!(
            "tamerctl is now about this fleet; `tamerctl context use {before}` goes back"
        ));
    }
    Ok(())
}

fn late(who: &str, place: &Place) -> Problem {
    let (seconds, data) = (COMING_UP.as_secs(), place.data.display());
    Problem::new(Code::Unreachable, format!("{who} was not ready within {seconds} s"))
        .remedy(format!("see the logs in {data}/logs; to begin anew, delete {data}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_is_read() {
        let line = "ready address=127.0.0.1:8443 health=off context=/a folder/admin.context.toml";
        let read = parse(line);
        let expected = ("127.0.0.1:8443".to_owned(), "/a folder/admin.context.toml".to_owned());
        assert_eq!(read, Some(expected));
        assert_eq!(parse("ready"), None);
    }
}
