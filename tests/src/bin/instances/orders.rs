//! What the way over coordinator and agent adds to the start of a container and to a command in
//! one, in pairs that alternate on the same container.

use std::time::Instant;

use anyhow::{Result, ensure};
use tamer_tests::bench::RealAgent;

use crate::Args;
use crate::engine::{Engine, done};
use crate::fleet::{Fleet, settings};
use crate::table::{Row, Times};

/// The container of these pairs.
const NAME: &str = "pair";

/// A fleet with one real agent on the engine.
pub struct One {
    folder: tempfile::TempDir,
    pub fleet: Fleet,
    pub agent: RealAgent,
}

impl One {
    pub async fn start(args: &Args, engine: &Engine) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("agent");
        std::fs::create_dir(&data)?;
        let mut fleet = Fleet::start(&args.programs, &folder.path().join("coordinator")).await?;
        let who = ("one", data.as_path());
        let settings = settings(&engine.endpoint());
        let address = fleet.coordinator.address;
        let agent =
            RealAgent::start(&args.programs, address, &mut fleet.control, who, &settings).await?;
        Ok(Self { folder, fleet, agent })
    }

    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}

pub async fn measure(
    args: &Args,
    engine: &mut Engine,
    one: &mut One,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let id = engine.api.create(NAME, &["sleep", "3600"])?;
    let start = format!("containers/{id}/start");
    starts(args, engine, &mut one.fleet, &id, rows).await?;
    // From here on it runs.
    engine.api.post(&start, None)?;
    one.fleet.until_state(NAME, "running").await?;
    let (mut call, mut plain) = (Times::new(), Times::new());
    for _ in 0..args.runs {
        let began = Instant::now();
        one.fleet.start_instance(NAME).await?;
        call.add(began.elapsed());
        plain.of(|| engine.api.post(&start, None))?;
    }
    rows.push(
        Row::new("start of what runs already: nothing but the way", call.shown())
            .beside(format!("plain API: {}", plain.shown()))
            .aim("+5 ms"),
    );
    execs(args, engine, &mut one.fleet, &id, rows).await?;
    engine.api.remove(&id)
}

async fn starts(
    args: &Args,
    engine: &mut Engine,
    fleet: &mut Fleet,
    id: &str,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let (mut call, mut plain) = (Times::new(), Times::new());
    let (mut ours, mut theirs) = (Times::new(), Times::new());
    for run in 0..args.runs {
        // Each of the four is the first as often as the last.
        for turn in 0..4 {
            fleet.until_state(NAME, if run + turn == 0 { "creating" } else { "stopped" }).await?;
            let began = Instant::now();
            let times = match (run + turn) % 4 {
                0 => {
                    fleet.start_instance(NAME).await?;
                    &mut call
                }
                1 => {
                    engine.api.post(&format!("containers/{id}/start"), None)?;
                    &mut plain
                }
                2 => {
                    done(&mut fleet.tamerctl(&["instance", "start", NAME]))?;
                    &mut ours
                }
                _ => {
                    done(&mut engine.client(&["start", NAME]))?;
                    &mut theirs
                }
            };
            times.add(began.elapsed());
            fleet.until_state(NAME, "running").await?;
            engine.api.post(&format!("containers/{id}/kill"), None)?;
            engine.api.post(&format!("containers/{id}/wait"), None)?;
        }
    }
    fleet.until_state(NAME, "stopped").await?;
    rows.push(
        Row::new("start of a container, from the request to its told end", call.shown())
            .beside(format!("plain API: {}; {:+.1} ms", plain.shown(), call.over(&plain)))
            .ratio(call.median() / plain.median())
            .aim("+5 ms"),
    );
    rows.push(
        Row::new("`tamerctl instance start`, whole command", ours.shown())
            .beside(format!("`docker start`: {}", theirs.shown()))
            .ratio(ours.median() / theirs.median()),
    );
    Ok(())
}

async fn execs(
    args: &Args,
    engine: &mut Engine,
    fleet: &mut Fleet,
    id: &str,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let (mut call, mut plain) = (Times::new(), Times::new());
    let (mut ours, mut theirs) = (Times::new(), Times::new());
    for run in 0..args.runs {
        for turn in 0..4 {
            let began = Instant::now();
            let times = match (run + turn) % 4 {
                0 => {
                    let code = fleet.exec(NAME, &["true"]).await?;
                    ensure!(code == Some(0), "exec ended with {code:?}");
                    &mut call
                }
                1 => {
                    let code = engine.api.exec(id, &["true"])?;
                    ensure!(code == 0, "exec ended with {code}");
                    &mut plain
                }
                2 => {
                    done(&mut fleet.tamerctl(&["instance", "exec", NAME, "--", "true"]))?;
                    &mut ours
                }
                _ => {
                    done(&mut engine.client(&["exec", NAME, "true"]))?;
                    &mut theirs
                }
            };
            times.add(began.elapsed());
        }
    }
    rows.push(
        Row::new("exec of `true`, from the request to its exit code", call.shown())
            .beside(format!("plain API: {}; {:+.1} ms", plain.shown(), call.over(&plain)))
            .ratio(call.median() / plain.median()),
    );
    rows.push(
        Row::new("`tamerctl instance exec X -- true`, whole command", ours.shown())
            .beside(format!("`docker exec X true`: {}", theirs.shown()))
            .ratio(ours.median() / theirs.median())
            .aim("faster"),
    );
    Ok(())
}
