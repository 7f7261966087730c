//! The three programs, as a test starts and asks them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::process::{Ended, Process};
use crate::{Place, program, until};

/// A debug build on a busy machine needs a moment to its first line.
const START: Duration = Duration::from_secs(20);
const ANSWER: Duration = Duration::from_secs(120);

/// How a coordinator is started.
#[derive(Debug, Clone)]
pub struct CoordinatorSettings {
    /// Where it runs.
    pub place: Place,
    /// Its data folder.
    pub data: PathBuf,
    /// Where it listens.
    pub listen: String,
    /// Whether it is announced on the network.
    pub mdns: bool,
    /// Environment.
    pub env: Vec<(String, String)>,
    /// More arguments.
    pub more: Vec<String>,
}

impl CoordinatorSettings {
    /// With its data under `folder`, on a free port of the loopback.
    pub fn here(folder: &Path) -> Self {
        Self {
            place: Place::Here,
            data: folder.join("coordinator"),
            listen: "127.0.0.1:0".to_owned(),
            mdns: false,
            env: Vec::new(),
            more: Vec::new(),
        }
    }

    /// On a host of a lab, on the usual port, announced.
    pub fn on(place: Place, folder: &Path) -> Self {
        Self { place, listen: "[::]:8443".to_owned(), mdns: true, ..Self::here(folder) }
    }

    /// The command that starts it.
    pub fn command(&self) -> Command {
        let mut command = self.place.command(&program("tamer-coordinator"));
        command.arg("run").arg("--data").arg(&self.data);
        command.args(["--listen", &self.listen, "--health", "off"]);
        if !self.mdns {
            command.arg("--no-mdns");
        }
        command.args(&self.more);
        clean(&mut command);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// A coordinator that serves.
#[derive(Debug)]
pub struct Coordinator {
    /// Its process.
    pub process: Process,
    /// How it was started; after the first start with the port that it got.
    pub settings: CoordinatorSettings,
    /// Where it serves.
    pub address: String,
    context: PathBuf,
}

impl Coordinator {
    /// Starts one and waits until it serves.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn start(settings: CoordinatorSettings) -> Self {
        let mut process = Process::program("coordinator", &mut settings.command());
        let ready = process.line("ready ", START);
        Self::ready(process, settings, &ready)
    }

    /// Starts one that may die before it serves.
    ///
    /// # Errors
    /// The process that does not serve.
    pub fn try_start(settings: CoordinatorSettings) -> Result<Self, Box<Process>> {
        let mut process = Process::program("coordinator", &mut settings.command());
        match process.try_line("ready ", START) {
            Ok(ready) => Ok(Self::ready(process, settings, &ready)),
            Err(_) => Err(Box::new(process)),
        }
    }

    fn ready(process: Process, settings: CoordinatorSettings, ready: &str) -> Self {
        let fields: BTreeMap<&str, &str> =
            ready.split(' ').filter_map(|field| field.split_once('=')).collect();
        let field =
            |name| (*fields.get(name).unwrap_or_else(|| panic!("{name} in {ready:?}"))).to_owned();
        let address: String = field("address");
        let settings = match settings.listen.ends_with(":0") {
            true => CoordinatorSettings { listen: address.clone(), ..settings },
            false => settings,
        };
        Self { process, address, context: field("context").into(), settings }
    }

    /// Starts it again, after it ended, at the same address with the same data.
    ///
    /// # Panics
    /// When it does not serve.
    #[track_caller]
    pub fn restart(&mut self) {
        assert!(self.process.poll().is_some(), "it still runs");
        *self = Self::start(self.settings.clone());
    }

    /// The port.
    pub fn port(&self) -> u16 {
        let (_, port) = self.address.rsplit_once(':').expect("address:port");
        port.parse().expect("a port")
    }

    /// tamerctl as the fleet's first administrator.
    pub fn ctl(&self) -> Ctl {
        Ctl { place: self.settings.place.clone(), context: self.context.clone() }
    }
}

/// How an agent finds its coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finds {
    /// It is told the address.
    At(String),
    /// It looks on the network.
    ByDiscovery,
}

/// How an agent is started.
#[derive(Debug, Clone)]
pub struct AgentSettings {
    /// Where it runs.
    pub place: Place,
    /// The name it asks for.
    pub name: String,
    /// Its data folder.
    pub data: PathBuf,
    /// How it finds its coordinator.
    pub finds: Finds,
    /// Its join token; a second start needs none.
    pub token: Option<String>,
    /// Environment.
    pub env: Vec<(String, String)>,
    /// More arguments.
    pub more: Vec<String>,
}

impl AgentSettings {
    /// With its data under `folder`, told where the coordinator is.
    pub fn here(folder: &Path, name: &str, coordinator: &Coordinator, token: &str) -> Self {
        Self {
            place: Place::Here,
            name: name.to_owned(),
            data: folder.join(name),
            finds: Finds::At(format!("127.0.0.1:{}", coordinator.port())),
            token: Some(token.to_owned()),
            env: Vec::new(),
            more: Vec::new(),
        }
    }

    /// On a host of a lab, with nothing but a token.
    pub fn on(place: Place, folder: &Path, name: &str, token: &str) -> Self {
        Self {
            place,
            name: name.to_owned(),
            data: folder.join(name),
            finds: Finds::ByDiscovery,
            token: Some(token.to_owned()),
            env: Vec::new(),
            more: Vec::new(),
        }
    }

    /// With this key of its configuration.
    #[must_use]
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.more.extend(["--set".to_owned(), format!("{key}={value}")]);
        self
    }

    /// The command that starts it.
    pub fn command(&self) -> Command {
        let mut command = self.place.command(&program("tamer-agent"));
        command.arg("run").arg("--data").arg(&self.data).args(["--name", &self.name]);
        if let Finds::At(address) = &self.finds {
            command.args(["--coordinator", address, "--no-discovery"]);
        }
        command.args(&self.more);
        clean(&mut command);
        if let Some(token) = &self.token {
            command.env("TAMER_TOKEN", token);
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// An agent.
#[derive(Debug)]
pub struct Agent {
    /// Its process.
    pub process: Process,
    /// How it was started.
    pub settings: AgentSettings,
}

impl Agent {
    /// Starts one; it may not have joined yet.
    ///
    /// # Panics
    /// When its process does not start.
    #[track_caller]
    pub fn start(settings: AgentSettings) -> Self {
        let process =
            Process::program(&format!("agent {}", settings.name), &mut settings.command());
        Self { process, settings }
    }

    /// Starts it again, after it ended, with the same data and without the token.
    ///
    /// # Panics
    /// When it still runs.
    #[track_caller]
    pub fn restart(&mut self) {
        assert!(self.process.poll().is_some(), "it still runs");
        self.settings.token = None;
        *self = Self::start(self.settings.clone());
    }
}

/// tamerctl.
#[derive(Debug, Clone)]
pub struct Ctl {
    /// Where it runs.
    pub place: Place,
    /// The context file that it uses.
    pub context: PathBuf,
}

impl Ctl {
    /// The command, for a test that wants to hold the process.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.place.command(&program("tamerctl"));
        command.args(arguments);
        clean(&mut command);
        command.env("TAMER_CONFIG", &self.context);
        command
    }

    /// Runs it to its end, whatever that is.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Ended {
        Process::tool("tamerctl", &mut self.command(arguments)).finish(ANSWER)
    }

    /// Runs it and reads its `json`; it must end with 0.
    ///
    /// # Panics
    /// When it fails or prints something else.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.run(&[&["-o", "json"], arguments].concat());
        assert!(ended.code() == 0, "tamerctl {arguments:?}: {ended:#?}");
        parse(&ended)
    }

    /// Runs it and reads its `json` and exit code.
    ///
    /// # Panics
    /// When it prints something else.
    #[track_caller]
    pub fn json_code(&self, arguments: &[&str]) -> (Value, i32) {
        let ended = self.run(&[&["-o", "json"], arguments].concat());
        (parse(&ended), ended.code())
    }

    /// Runs it and reads the error that it must end with, and checks the exit code.
    ///
    /// # Panics
    /// When it ends otherwise, or tells the error in another shape.
    #[track_caller]
    pub fn refused(&self, code: i32, arguments: &[&str]) -> Value {
        let ended = self.run(&[&["-o", "json"], arguments].concat());
        assert!(ended.code() == code, "tamerctl {arguments:?}: not {code}: {ended:#?}");
        let told: Value = serde_json::from_str(&ended.stderr)
            .unwrap_or_else(|error| panic!("tamerctl {arguments:?}: {error}: {ended:#?}"));
        assert!(told["error"]["code"].is_string(), "tamerctl {arguments:?}: {told:#}");
        told["error"].clone()
    }

    /// A join token with so many uses.
    ///
    /// # Panics
    /// When it gets none.
    #[track_caller]
    pub fn token(&self, uses: usize) -> String {
        let made = self.json(&["token", "create", "--uses", &uses.to_string()]);
        made["token"].as_str().unwrap_or_else(|| panic!("a token in {made}")).to_owned()
    }

    /// The states of the hosts by name.
    ///
    /// # Panics
    /// When the coordinator does not answer.
    #[track_caller]
    pub fn hosts(&self) -> BTreeMap<String, String> {
        states(&self.json(&["host", "ls"]))
    }

    /// Waits until so many hosts are ready and no other is known.
    ///
    /// # Panics
    /// When they are not in time.
    #[track_caller]
    pub fn all_ready(&self, hosts: usize, limit: Duration) {
        until(&format!("{hosts} ready hosts"), limit, || {
            let seen = self.try_hosts()?;
            match seen.len() == hosts && seen.values().all(|state| state == "ready") {
                true => Ok(()),
                false => Err(format!("{seen:?}")),
            }
        });
    }

    /// The states of the hosts by name, or why there is no answer.
    ///
    /// # Errors
    /// What tamerctl said.
    pub fn try_hosts(&self) -> Result<BTreeMap<String, String>, String> {
        let ended = self.run(&["-o", "json", "host", "ls"]);
        if ended.code() != 0 {
            return Err(ended.stderr);
        }
        Ok(states(&parse(&ended)))
    }
}

/// The states in a list of hosts or tasks, by name.
pub fn states(list: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rows = list.as_array().map(Vec::as_slice).unwrap_or_default();
    rows.iter().map(|row| (text(&row["name"]), text(&row["state"]))).collect()
}

#[track_caller]
fn parse(ended: &Ended) -> Value {
    serde_json::from_slice(&ended.stdout)
        .unwrap_or_else(|error| panic!("tamerctl printed no json ({error}): {ended:#?}"))
}

/// Nothing of the developer's own environment reaches a program under test.
fn clean(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("TAMER_") || name.starts_with("RUST_LOG"))
        {
            command.env_remove(name);
        }
    }
    command.env("NO_COLOR", "1");
}
