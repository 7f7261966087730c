//! The real Docker Engine of a run, and its own command.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use tamer_peers::docker::Docker;
use tamer_peers::image::busybox_tar;

use crate::api::Api;

/// Connections that make containers at once; more do not make it faster.
const MAKERS: usize = 4;

pub struct Engine {
    docker: Docker,
    client: PathBuf,
    /// Where the client would look for its configuration; empty.
    config: PathBuf,
    pub api: Api,
}

impl Engine {
    pub fn start(folder: &Path, client: PathBuf) -> Result<Self> {
        let docker = Docker::start(folder)?;
        let mut api = Api::connect(&docker.socket())?;
        api.load(&busybox_tar()?)?;
        let config = folder.join("client");
        std::fs::create_dir(&config)?;
        Ok(Self { docker, client, config, api })
    }

    pub fn endpoint(&self) -> String {
        self.docker.endpoint()
    }

    /// The versions of the engine and of its command.
    pub fn versions(&mut self) -> Result<String> {
        let told: serde_json::Value = serde_json::from_slice(&self.api.get("version")?)?;
        let engine = told["Version"].as_str().context("the engine's version")?.to_owned();
        let client = self.client(&["version", "--format", "{{.Client.Version}}"]).output()?;
        let client = String::from_utf8_lossy(&client.stdout).trim().to_owned();
        Ok(format!("Docker Engine {engine}, its command {client}"))
    }

    /// `docker` with these arguments.
    pub fn client(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.client);
        command
            .args(arguments)
            .env("DOCKER_HOST", self.endpoint())
            .env("DOCKER_CONFIG", &self.config);
        command
    }

    /// Makes containers until there are `count` of them, called `c00000` and so on.
    pub fn fill(&mut self, from: usize, count: usize) -> Result<()> {
        let work = |first: usize| -> Result<()> {
            let mut api = self.api.again()?;
            for number in (from + first..count).step_by(MAKERS) {
                api.create(&name(number), &["sleep", "3600"])?;
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let makers: Vec<_> =
                (0..MAKERS).map(|first| scope.spawn(move || work(first))).collect();
            makers
                .into_iter()
                .try_for_each(|maker| maker.join().ok().context("a maker's thread")?)
        })
    }
}

/// What the container of this number is called.
pub fn name(number: usize) -> String {
    format!("c{number:05}")
}

/// Runs a command with its output in a pipe that is read to the end. It must succeed.
pub fn done(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.stdin(Stdio::null()).output()?;
    ensure!(
        output.status.success(),
        "{command:?}: {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output.stdout)
}

/// Runs a command with its output in a new file. It must succeed; what it says besides is its own.
pub fn into_file(command: &mut Command, file: &Path) -> Result<()> {
    let status =
        command.stdin(Stdio::null()).stdout(File::create(file)?).stderr(Stdio::null()).status()?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}
