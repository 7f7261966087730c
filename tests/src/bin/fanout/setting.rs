//! What is measured in: a real coordinator with a door wide enough for one address.

use std::path::Path;

use anyhow::{Result, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tamer_proto::wire::control_client::ControlClient;
use tamer_tests::bench::{Coordinator, Process};
use tonic::transport::Channel;

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

/// A coordinator that serves, and an administrator's connection to it.
pub struct Setting {
    pub coordinator: Coordinator,
    pub control: ControlClient<Channel>,
    pub process: Process,
    _data: tempfile::TempDir,
}

impl Setting {
    /// Starts the program of this folder on a new data folder.
    pub async fn start(programs: &Path) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let config = data.path().join("bench.toml");
        std::fs::write(&config, DOOR)?;
        let coordinator =
            Coordinator::start_with(programs, &data.path().join("data"), Some(&config))?;
        let control = ControlClient::new(coordinator.as_admin().await?);
        let process = Process(coordinator.pid());
        Ok(Self { coordinator, control, process, _data: data })
    }

    /// The context file for tamerctl.
    pub fn context(&self) -> &Path {
        &self.coordinator.context
    }
}

/// Lets this process open as many files as it may, which must be enough for so many agents; the
/// coordinator does the same for itself.
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
