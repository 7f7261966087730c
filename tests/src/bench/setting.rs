//! What is measured in: a real coordinator with a door wide enough for one address.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tamer_proto::wire::control_client::ControlClient;
use tonic::transport::Channel;

use super::{Coordinator, Process, patiently};

/// The door as the coordinator is told to keep it. All agents dial from one address here, which its
/// own limits take for a flood: it would spread the joining of ten thousand over a minute.
const DOOR: &str = "\
[door]
connections_per_second = 20000
burst = 20000
anonymous_per_address = 1024
";
/// Open files of this process beside one connection an agent.
const OTHER_FILES: u64 = 256;
/// Ports that the kernel gives to nobody who dials: an agent that dials a coordinator which is away
/// could otherwise be given its port, and keep it.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// A coordinator that serves, and an administrator's connection to it.
pub struct Setting {
    /// The real program.
    pub coordinator: Coordinator,
    /// An administrator's calls.
    pub control: ControlClient<Channel>,
    /// Its process.
    pub process: Process,
    /// From its start until it said that it serves. The administrator's connection comes after that, and
    /// among those of all who dial again.
    pub ready_in: Duration,
    place: Place,
}

/// A setting whose coordinator was stopped.
pub struct Stopped(Place);

struct Place {
    programs: PathBuf,
    listen: String,
    data: tempfile::TempDir,
}

impl Setting {
    /// Starts the program of this folder on a new data folder.
    ///
    /// # Errors
    /// When it does not serve.
    pub async fn start(programs: &Path) -> Result<Self> {
        let listen = format!("127.0.0.1:{}", free_port()?);
        let data = tempfile::tempdir()?;
        std::fs::write(data.path().join("bench.toml"), DOOR)?;
        Stopped(Place { programs: programs.to_owned(), listen, data }).start().await
    }

    /// The context file for tamerctl.
    pub fn context(&self) -> &Path {
        &self.coordinator.context
    }

    /// Where things may be put that go when it goes.
    pub fn folder(&self) -> &Path {
        self.place.data.path()
    }

    /// Asks the coordinator to stop, and waits until it has.
    ///
    /// # Errors
    /// When it did not end in order.
    pub fn stop(self) -> Result<Stopped> {
        self.coordinator.stop()?;
        Ok(Stopped(self.place))
    }
}

impl Stopped {
    /// Starts the coordinator where it was, on what it had.
    ///
    /// # Errors
    /// When it does not serve.
    pub async fn start(self) -> Result<Setting> {
        let Place { programs, listen, data } = &self.0;
        let config = data.path().join("bench.toml");
        let began = Instant::now();
        let coordinator =
            Coordinator::start_with(programs, &data.path().join("data"), listen, &config)?;
        let ready_in = began.elapsed();
        // Agents that come back may fill the door.
        let control = ControlClient::new(patiently(|| coordinator.as_admin()).await?);
        let process = Process(coordinator.pid());
        Ok(Setting { coordinator, control, process, ready_in, place: self.0 })
    }
}

/// Lets this process open as many files as it may, which must be enough for so many agents; the
/// coordinator does the same for itself.
///
/// # Errors
/// When it is not enough.
pub fn raise_file_limit(agents: usize) -> Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let needed = agents as u64 + OTHER_FILES;
    ensure!(
        most >= needed,
        "{agents} agents need {needed} open files and this machine's limit is {most}; raise it \
         (`ulimit -Hn`) or measure fewer agents"
    );
    Ok(setrlimit(Resource::RLIMIT_NOFILE, most, most)?)
}

fn free_port() -> Result<u16> {
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let from = fastrand::u16(PORTS);
    (from..PORTS.end).chain(PORTS.start..from).find(free).context("no port is free")
}
