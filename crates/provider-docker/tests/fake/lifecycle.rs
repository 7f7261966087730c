//! Start, stop, pause and their kin.

use std::time::Duration;

use futures_util::StreamExt as _;
use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::Value;
use tamer_model::{ExecSpec, InstanceState};
use tamer_provider::Provider as _;

use crate::answer::{self, Refusal, Result};
use crate::ask::Ask;
use crate::world::{Container, Files, World, said};

/// `POST /containers/{id}/start`
pub async fn start(world: &World, word: &str) -> Result {
    let (container, told) = world.seen(word).await?;
    match told.state {
        InstanceState::Running => return Ok(answer::so_already()),
        InstanceState::Paused => {
            return Err(Refusal::conflict("cannot start a paused container, try unpause instead"));
        }
        _ => {}
    }
    world.fake.start(&container.native).await.map_err(|fault| said(word, &fault))?;
    began(world, &container).await?;
    Ok(answer::done())
}

/// `POST /containers/{id}/stop`
pub async fn stop(world: &World, word: &str, ask: &Ask) -> Result {
    let (container, told) = world.seen(word).await?;
    if !matches!(told.state, InstanceState::Running | InstanceState::Paused) {
        return Ok(answer::so_already());
    }
    let stopped = world.fake.stop(&container.native, Some(grace(&container, ask))).await;
    stopped.map_err(|fault| said(word, &fault))?;
    ended(world, &container);
    Ok(answer::done())
}

/// `POST /containers/{id}/restart`
pub async fn restart(world: &World, word: &str, ask: &Ask) -> Result {
    let container = world.container(word)?;
    let restarted = world.fake.restart(&container.native, Some(grace(&container, ask))).await;
    restarted.map_err(|fault| said(word, &fault))?;
    ended(world, &container);
    began(world, &container).await?;
    world.tell(&container, "restart");
    Ok(answer::done())
}

/// `POST /containers/{id}/pause`
pub async fn pause(world: &World, word: &str) -> Result {
    let (container, told) = world.seen(word).await?;
    let id = &container.id;
    match told.state {
        InstanceState::Running => {}
        InstanceState::Paused => {
            return Err(Refusal::conflict(format!("Container {id} is already paused")));
        }
        _ => return Err(Refusal::conflict(format!("Container {id} is not running"))),
    }
    world.fake.pause(&container.native).await.map_err(|fault| said(word, &fault))?;
    world.tell(&container, "pause");
    Ok(answer::done())
}

/// `POST /containers/{id}/unpause`
pub async fn unpause(world: &World, word: &str) -> Result {
    let (container, told) = world.seen(word).await?;
    if told.state != InstanceState::Paused {
        let message = format!("Container {} is not paused", container.id);
        return Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message));
    }
    world.fake.resume(&container.native).await.map_err(|fault| said(word, &fault))?;
    world.tell(&container, "unpause");
    Ok(answer::done())
}

/// What the request says, else the container, else ten seconds.
fn grace(container: &Container, ask: &Ask) -> Duration {
    let own = container.config.get("StopTimeout").and_then(Value::as_u64);
    let asked = ask.query("t").and_then(|text| text.parse().ok());
    Duration::from_secs(asked.or(own).unwrap_or(10))
}

/// A run began. Of two starts at once, one tells it.
async fn began(world: &World, container: &Container) -> Result<()> {
    let files = {
        let mut tables = world.tables();
        let Some(own) = tables.containers.get_mut(&container.id) else { return Ok(()) };
        if std::mem::replace(&mut own.runs, true) {
            return Ok(());
        }
        own.started = Some(Timestamp::now());
        let first = !std::mem::replace(&mut own.begun, true);
        if first { own.files.clone() } else { Files::new() }
    };
    put(world, container, files).await?;
    world.tell(container, "start");
    Ok(())
}

/// A run ended.
fn ended(world: &World, container: &Container) {
    {
        let mut tables = world.tables();
        let Some(own) = tables.containers.get_mut(&container.id) else { return };
        if !std::mem::replace(&mut own.runs, false) {
            return;
        }
        own.finished = Some(Timestamp::now());
    }
    for action in ["kill", "die", "stop"] {
        world.tell(container, action);
    }
}

/// Puts the files of its image where its commands find them. The fake's instances begin empty.
async fn put(world: &World, container: &Container, files: Files) -> Result<()> {
    for (path, text) in files {
        let spec = ExecSpec::new(["write-file".to_owned(), path, text]);
        let session = world.fake.exec(&container.native, &spec).await;
        let session = session.map_err(|fault| said(&container.id, &fault))?;
        session.output.for_each(|_| std::future::ready(())).await;
    }
    Ok(())
}
