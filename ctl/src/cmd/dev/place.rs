//! Where things are: the programs beside this one, and the folder of the state.

use std::env::consts::EXE_SUFFIX;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use tamer_model::{Code, HostName, Problem};

use super::Args;
use crate::platform;

/// The usual port.
const USUAL: SocketAddr =
    SocketAddr::V4(std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 8443));
/// The file that an agent has once it has joined.
const IDENTITY: &str = "identity.pem";

/// Where things are.
#[derive(Debug)]
pub struct Place {
    /// The program `tamer-coordinator`.
    pub coordinator: PathBuf,
    /// The program `tamer-agent`.
    pub agent: PathBuf,
    /// The folder that holds everything.
    pub data: PathBuf,
    /// Where the coordinator is to listen.
    pub listen: SocketAddr,
    /// The agents.
    pub agents: Vec<AgentPlace>,
}

/// One agent.
#[derive(Debug)]
pub struct AgentPlace {
    /// The name it asks for.
    pub name: String,
    /// Its data folder.
    pub data: PathBuf,
}

impl Place {
    /// Finds the programs and makes the folders.
    pub fn find(Args { agents, data, listen }: Args) -> Result<Self, Problem> {
        let data = match data.or_else(|| Some(platform::data_folder()?.join("dev"))) {
            Some(data) => {
                std::path::absolute(data).map_err(|error| folder("the data folder", &error))?
            }
            None => {
                return Err(Problem::new(Code::ConfigInvalid, "there is no home folder")
                    .on("data")
                    .remedy("name a folder: `tamerctl dev --data DIR`"));
            }
        };
        let (coordinator, agent) = (beside("tamer-coordinator")?, beside("tamer-agent")?);
        for inside in [data.clone(), data.join("logs")] {
            platform::make_private_folder(&inside)
                .map_err(|error| folder(&inside.display().to_string(), &error))?;
        }
        let machine = platform::machine_name().unwrap_or_else(|| "dev".to_owned());
        let machine = HostName::nearest(&machine);
        let agents = (1..=agents).map(|number| AgentPlace {
            name: format!("{machine}-{number}"),
            data: data.join(format!("agent-{number}")),
        });
        let agents = agents.collect();
        Ok(Self { coordinator, agent, listen: listen.unwrap_or_else(free), data, agents })
    }

    /// The log of a child; the one of the last time is kept beside it.
    pub fn log(&self, name: &str) -> Result<PathBuf, Problem> {
        let path = self.data.join("logs").join(format!("{name}.log"));
        if path.exists() {
            let old = path.with_extension("log.old");
            std::fs::rename(&path, &old)
                .map_err(|error| folder(&path.display().to_string(), &error))?;
        }
        Ok(path)
    }
}

impl AgentPlace {
    /// Whether it is of a fleet already.
    pub fn has_joined(&self) -> bool {
        self.data.join(IDENTITY).exists()
    }
}

/// What to type to run this program: its name when the shell finds it, its path otherwise.
pub fn own_command() -> String {
    let Ok(own) = std::env::current_exe() else { return "tamerctl".to_owned() };
    let name = format!("tamerctl{EXE_SUFFIX}");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let same = |found: &PathBuf| match (found.canonicalize(), own.canonicalize()) {
        (Ok(found), Ok(own)) => found == own,
        (_, _) => false,
    };
    let found = std::env::split_paths(&path).map(|folder| folder.join(&name)).find(|p| p.exists());
    match found.filter(same) {
        Some(_) => "tamerctl".to_owned(),
        None => own.display().to_string(),
    }
}

fn beside(name: &str) -> Result<PathBuf, Problem> {
    let own = std::env::current_exe()
        .map_err(|error| Problem::new(Code::Internal, format!("where is tamerctl? {error}")))?;
    let path = own.parent().unwrap_or(Path::new("")).join(format!("{name}{EXE_SUFFIX}"));
    if path.is_file() {
        return Ok(path);
    }
    let message = format!("there is no {name} beside tamerctl, at {}", path.display());
    Err(Problem::new(Code::NotFound, message).remedy(
        "install all three programs into one folder, or build them: `cargo build --workspace`",
    ))
}

/// The usual port, or any when somebody has it.
fn free() -> SocketAddr {
    match TcpListener::bind(USUAL) {
        Ok(_) => USUAL,
        Err(_) => SocketAddr::new(USUAL.ip(), 0),
    }
}

fn folder(what: &str, error: &std::io::Error) -> Problem {
    Problem::new(Code::DataFolder, format!("cannot use {what}: {error}"))
        .on("data")
        .remedy("name another folder: `tamerctl dev --data DIR`")
}
