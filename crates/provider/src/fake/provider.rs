//! The contract, kept by the fake.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tamer_model::{
    Checkpoint, CheckpointKind, CheckpointName, ExecSpec, Instance, InstanceSpec, InstanceState,
    InstanceStats, LogOptions, NativeId, Operation, ProviderName, Resource,
};
use tokio::sync::broadcast::error::RecvError;

use super::world::{Saved, now};
use super::{Fake, exec, logs};
use crate::{
    EventStream, ExecSession, Fault, FaultKind, Image, ImageSource, LogStream, OptionKind,
    OptionSpec, Probe, Progress, ProgressSink, Provider, ProviderEvent, Result,
};

const VERSION: &str = "Fake 1.0";
/// What a stop waits for when nobody says.
const GRACE: Duration = Duration::from_secs(2);

const OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        key: "start_ms",
        kind: OptionKind::Number(0, 60_000),
        about: "How long a start takes, in milliseconds; 0 when absent.",
    },
    OptionSpec {
        key: "stop_ms",
        kind: OptionKind::Number(0, 60_000),
        about: "How long a polite stop takes, in milliseconds; 0 when absent.",
    },
];

#[async_trait::async_trait]
impl Provider for Fake {
    fn name(&self) -> &ProviderName {
        &self.0.name
    }

    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    async fn probe(&self) -> Result<Probe> {
        self.enter("probe").await?;
        Ok(Probe {
            version: VERSION.to_owned(),
            endpoint: "memory".to_owned(),
            capabilities: self.knobs().can.clone(),
        })
    }

    async fn list(&self) -> Result<Vec<Instance>> {
        self.may("list", Operation::List).await?;
        Ok(self.world().instances.values().map(|thing| thing.told.clone()).collect())
    }

    async fn get(&self, id: &NativeId) -> Result<Instance> {
        self.may("get", Operation::List).await?;
        Ok(self.world().thing(id)?.told.clone())
    }

    async fn describe(&self, id: &NativeId) -> Result<String> {
        self.may("describe", Operation::List).await?;
        let mut world = self.world();
        let told = &world.thing(id)?.told;
        Ok(format!(r#"{{"id":"{}","state":"{}"}}"#, told.native, told.state))
    }

    async fn create(&self, spec: &InstanceSpec, progress: &ProgressSink) -> Result<NativeId> {
        self.may("create", Operation::Create).await?;
        progress.tell(doing("making it"));
        let id = self.world().create(spec)?;
        self.emit(ProviderEvent::Instance(id.clone()));
        Ok(id)
    }

    async fn start(&self, id: &NativeId) -> Result<()> {
        self.may("start", Operation::Start).await?;
        let takes = self.world().thing(id)?.millis("start_ms");
        tokio::time::sleep(takes).await;
        let mut world = self.world();
        let thing = world.thing(id)?;
        if thing.told.state == InstanceState::Paused {
            return Err(Fault::new(FaultKind::Conflict, format!("{id} is paused")));
        }
        thing.begin();
        self.emit(ProviderEvent::Instance(id.clone()));
        Ok(())
    }

    async fn stop(&self, id: &NativeId, grace: Option<Duration>) -> Result<()> {
        self.may("stop", Operation::Stop).await?;
        self.end(id, grace).await
    }

    async fn restart(&self, id: &NativeId, grace: Option<Duration>) -> Result<()> {
        self.may("restart", Operation::Restart).await?;
        self.end(id, grace).await?;
        self.world().thing(id)?.begin();
        self.emit(ProviderEvent::Instance(id.clone()));
        Ok(())
    }

    async fn pause(&self, id: &NativeId) -> Result<()> {
        self.may("pause", Operation::Pause).await?;
        self.running(id, InstanceState::Paused)
    }

    async fn resume(&self, id: &NativeId) -> Result<()> {
        self.may("resume", Operation::Resume).await?;
        self.running(id, InstanceState::Running)
    }

    async fn remove(&self, id: &NativeId, force: bool) -> Result<()> {
        self.may("remove", Operation::Remove).await?;
        let mut world = self.world();
        let thing = world.thing(id)?;
        if thing.run.is_some() && !force {
            let fault = Fault::new(FaultKind::Conflict, format!("{id} runs"));
            return Err(fault.remedy("stop it first, or use --force"));
        }
        thing.end(Some(137));
        world.instances.remove(id);
        self.emit(ProviderEvent::Instance(id.clone()));
        Ok(())
    }

    async fn exec(&self, id: &NativeId, spec: &ExecSpec) -> Result<ExecSession> {
        self.may("exec", Operation::Exec).await?;
        if spec.terminal.is_some() {
            self.may("exec_terminal", Operation::ExecTerminal).await?;
        }
        exec::begin(self, id, spec)
    }

    async fn logs(&self, id: &NativeId, options: &LogOptions) -> Result<LogStream> {
        self.may("logs", Operation::Logs).await?;
        logs::read(self, id, *options)
    }

    async fn stats(&self, id: &NativeId) -> Result<InstanceStats> {
        self.may("stats", Operation::Stats).await?;
        let mut world = self.world();
        let thing = world.thing(id)?;
        let Some(run) = &thing.run else {
            return Err(Fault::new(FaultKind::Conflict, format!("{id} does not run")));
        };
        Ok(InstanceStats {
            at: now(),
            cpu_ns: Some(run.burnt_ns),
            memory_bytes: Some(1 << 20),
            memory_limit_bytes: thing.spec.limits.memory_bytes,
            pids: Some(1),
            ..InstanceStats::default()
        })
    }

    async fn events(&self) -> Result<EventStream> {
        self.may("events", Operation::Events).await?;
        let (events, life) = (self.0.events.subscribe(), self.life());
        let next = stream::unfold(events, |mut events| async {
            let event = match events.recv().await {
                Ok(event) => event,
                Err(RecvError::Lagged(_)) => ProviderEvent::Lost,
                Err(RecvError::Closed) => return None,
            };
            Some((Ok(event), events))
        });
        Ok(next.take_until(life.cancelled_owned()).boxed())
    }

    async fn checkpoints(&self, id: &NativeId) -> Result<Vec<Checkpoint>> {
        self.may("checkpoints", Operation::CheckpointFull).await?;
        Ok(self.world().thing(id)?.checkpoints.iter().map(|saved| saved.told.clone()).collect())
    }

    async fn checkpoint_create(&self, id: &NativeId, name: &CheckpointName) -> Result<()> {
        self.may("checkpoint_create", Operation::CheckpointFull).await?;
        let mut world = self.world();
        let thing = world.thing(id)?;
        if thing.checkpoints.iter().any(Saved::named(name)) {
            let message = format!("{id} has a checkpoint {name}");
            return Err(Fault::new(FaultKind::AlreadyExists, message));
        }
        let running = thing.run.is_some();
        let kind = if running { CheckpointKind::Full } else { CheckpointKind::Disk };
        let size_bytes = thing.files.values().map(String::len).sum::<usize>() as u64;
        let told = Checkpoint {
            name: name.clone(),
            created_at: Some(now()),
            kind,
            size_bytes: Some(size_bytes),
        };
        let files = thing.files.clone();
        thing.checkpoints.push(Saved { told, files, running });
        Ok(())
    }

    async fn checkpoint_restore(&self, id: &NativeId, name: &CheckpointName) -> Result<NativeId> {
        self.may("checkpoint_restore", Operation::CheckpointFull).await?;
        let mut world = self.world();
        let thing = world.thing(id)?;
        let Some(saved) = thing.checkpoints.iter().find(|saved| Saved::named(name)(saved)) else {
            return Err(no_checkpoint(id, name));
        };
        let running = saved.running;
        thing.files = saved.files.clone();
        thing.end(None);
        if running {
            thing.begin();
        }
        self.emit(ProviderEvent::Instance(id.clone()));
        Ok(id.clone())
    }

    async fn checkpoint_remove(&self, id: &NativeId, name: &CheckpointName) -> Result<()> {
        self.may("checkpoint_remove", Operation::CheckpointFull).await?;
        let mut world = self.world();
        let saved = &mut world.thing(id)?.checkpoints;
        let before = saved.len();
        saved.retain(|saved| !Saved::named(name)(saved));
        if saved.len() == before { Err(no_checkpoint(id, name)) } else { Ok(()) }
    }

    async fn images(&self) -> Result<Vec<Image>> {
        self.may("images", Operation::ImageList).await?;
        Ok(self.world().images.values().cloned().collect())
    }

    async fn image_pull(&self, reference: &str, progress: &ProgressSink) -> Result<()> {
        self.may("image_pull", Operation::ImagePull).await?;
        progress.tell(doing("pulling it"));
        if !reference.starts_with("fake/") {
            return Err(Fault::new(FaultKind::NotFound, format!("no registry has {reference}")));
        }
        self.world().add_image(reference, 4096);
        self.emit(ProviderEvent::Other);
        Ok(())
    }

    async fn image_load(
        &self,
        mut source: ImageSource,
        progress: &ProgressSink,
    ) -> Result<Vec<String>> {
        self.may("image_load", Operation::ImageLoad).await?;
        let mut size = 0;
        while let Some(piece) = source.next().await {
            let piece = piece.map_err(|error| {
                Fault::new(FaultKind::Failed, format!("the image's file ended early: {error}"))
            })?;
            size += piece.len() as u64;
            progress.tell(Progress { done_bytes: Some(size), ..doing("loading it") });
        }
        let reference = format!("fake/loaded:{size}");
        self.world().add_image(&reference, size);
        self.emit(ProviderEvent::Other);
        Ok(vec![reference])
    }

    async fn image_remove(&self, reference: &str) -> Result<()> {
        self.may("image_remove", Operation::ImageRemove).await?;
        let mut world = self.world();
        if world.instances.values().any(|thing| thing.told.image.as_deref() == Some(reference)) {
            return Err(Fault::new(FaultKind::Conflict, format!("{reference} is in use")));
        }
        let missing = || Fault::new(FaultKind::NotFound, format!("there is no image {reference}"));
        world.images.remove(reference).map(drop).ok_or_else(missing)
    }

    async fn scan(&self) -> Result<Vec<Resource>> {
        self.may("scan", Operation::Scan).await?;
        Ok(self.world().scan(VERSION))
    }
}

impl Fake {
    /// Ends a run, after what its instance takes to hear it.
    async fn end(&self, id: &NativeId, grace: Option<Duration>) -> Result<()> {
        let (takes, run, code) = {
            let mut world = self.world();
            let thing = world.thing(id)?;
            let Some(run) = thing.run.clone() else { return Ok(()) };
            let grace = grace.unwrap_or(GRACE);
            let takes = if thing.deaf() { grace } else { thing.millis("stop_ms").min(grace) };
            (takes, run, if thing.deaf() { 137 } else { 0 })
        };
        tokio::select! {
            biased;
            // Another stop was faster, or it was removed.
            () = run.ended.cancelled() => return Ok(()),
            () = tokio::time::sleep(takes) => {}
        }
        self.world().thing(id)?.end(Some(code));
        self.emit(ProviderEvent::Instance(id.clone()));
        Ok(())
    }

    fn running(&self, id: &NativeId, state: InstanceState) -> Result<()> {
        let mut world = self.world();
        let thing = world.thing(id)?;
        if thing.run.is_none() {
            return Err(Fault::new(FaultKind::Conflict, format!("{id} does not run")));
        }
        thing.told.state = state;
        self.emit(ProviderEvent::Instance(id.clone()));
        Ok(())
    }
}

fn doing(what: &str) -> Progress {
    Progress { what: what.to_owned(), done_bytes: None, total_bytes: None }
}

fn no_checkpoint(id: &NativeId, name: &CheckpointName) -> Fault {
    Fault::new(FaultKind::NotFound, format!("{id} has no checkpoint {name}"))
}
