//! The contract, kept by what supervises: each call with what it needs and how long it may take.

use std::time::Duration;

use tamer_model::{
    Checkpoint, CheckpointName, ExecSpec, Instance, InstanceSpec, InstanceStats, LogOptions,
    NativeId, Operation, ProviderName, Resource,
};

use super::Supervised;
use crate::{
    EventStream, ExecSession, Image, ImageSource, LogStream, OptionSpec, Options, Probe,
    ProgressSink, Provider, Result,
};

/// Either sort of checkpoint will do.
const CHECKPOINT: &[Operation] = &[Operation::CheckpointFull, Operation::CheckpointDisk];

#[async_trait::async_trait]
impl Provider for Supervised {
    fn name(&self) -> &ProviderName {
        self.0.provider.name()
    }

    fn options(&self) -> &'static [OptionSpec] {
        self.0.provider.options()
    }

    /// Asks also while the technology is away, and out of turn.
    async fn probe(&self) -> Result<Probe> {
        let shared = self.0.clone();
        let read = async move {
            shared.timed("probe", Some(shared.settings.probe), shared.provider.probe()).await
        };
        self.0.probes.join(read).await
    }

    async fn list(&self) -> Result<Vec<Instance>> {
        self.may(&[Operation::List])?;
        let list = self.unless_lost(self.0.list()).await?;
        Ok(list.iter().map(|instance| Instance::clone(instance)).collect())
    }

    async fn get(&self, id: &NativeId) -> Result<Instance> {
        self.may(&[Operation::List])?;
        let _pass = self.turn().await?;
        Ok(Instance::clone(&*self.unless_lost(self.0.look(id)).await?))
    }

    async fn describe(&self, id: &NativeId) -> Result<String> {
        let limit = Some(self.0.settings.look);
        self.call(&[Operation::List], "describe", limit, self.0.provider.describe(id)).await
    }

    /// Validates the spec and its options. Takes as long as it takes: it may fetch an image.
    async fn create(&self, spec: &InstanceSpec, progress: &ProgressSink) -> Result<NativeId> {
        self.may(&[Operation::Create])?;
        let spec = spec.clone().validate()?;
        Options::check(&spec.options, self.options())?;
        let _pass = self.turn().await?;
        let create = self.0.provider.create(&spec, progress);
        let id = self.0.timed("create", None, create).await?;
        self.see(&id).await;
        Ok(id)
    }

    async fn start(&self, id: &NativeId) -> Result<()> {
        let limit = Some(self.0.settings.change);
        self.change(&[Operation::Start], "start", limit, id, self.0.provider.start(id)).await
    }

    async fn stop(&self, id: &NativeId, grace: Option<Duration>) -> Result<()> {
        let limit = Some(self.stopping(grace));
        self.change(&[Operation::Stop], "stop", limit, id, self.0.provider.stop(id, grace)).await
    }

    async fn restart(&self, id: &NativeId, grace: Option<Duration>) -> Result<()> {
        let limit = Some(self.stopping(grace) + self.0.settings.change);
        let restart = self.0.provider.restart(id, grace);
        self.change(&[Operation::Restart], "restart", limit, id, restart).await
    }

    async fn pause(&self, id: &NativeId) -> Result<()> {
        let limit = Some(self.0.settings.change);
        self.change(&[Operation::Pause], "pause", limit, id, self.0.provider.pause(id)).await
    }

    async fn resume(&self, id: &NativeId) -> Result<()> {
        let limit = Some(self.0.settings.change);
        self.change(&[Operation::Resume], "resume", limit, id, self.0.provider.resume(id)).await
    }

    async fn remove(&self, id: &NativeId, force: bool) -> Result<()> {
        let limit = Some(self.0.settings.change);
        let remove = self.0.provider.remove(id, force);
        self.change(&[Operation::Remove], "remove", limit, id, remove).await
    }

    async fn exec(&self, id: &NativeId, spec: &ExecSpec) -> Result<ExecSession> {
        self.may(&[Operation::Exec])?;
        if spec.terminal.is_some() {
            self.may(&[Operation::ExecTerminal])?;
        }
        let spec = spec.clone().validate()?;
        let place = self.place()?;
        let exec = self.0.provider.exec(id, &spec);
        let limit = Some(self.0.settings.change);
        let ExecSession { input, output } =
            self.call(&[Operation::Exec], "exec", limit, exec).await?;
        Ok(ExecSession { input, output: self.placed(place, output) })
    }

    async fn logs(&self, id: &NativeId, options: &LogOptions) -> Result<LogStream> {
        if options.since.is_some() {
            self.may(&[Operation::LogsSince])?;
        }
        if options.timestamps {
            self.may(&[Operation::LogsTimestamps])?;
        }
        let place = self.place()?;
        let logs = self.0.provider.logs(id, options);
        let limit = Some(self.0.settings.look);
        let lines = self.call(&[Operation::Logs], "logs", limit, logs).await?;
        Ok(self.placed(place, lines))
    }

    async fn stats(&self, id: &NativeId) -> Result<InstanceStats> {
        let limit = Some(self.0.settings.look);
        self.call(&[Operation::Stats], "stats", limit, self.0.provider.stats(id)).await
    }

    async fn events(&self) -> Result<EventStream> {
        let place = self.place()?;
        let limit = Some(self.0.settings.look);
        let events = self.0.provider.events();
        let events = self.call(&[Operation::Events], "events", limit, events).await?;
        Ok(self.placed(place, events))
    }

    async fn checkpoints(&self, id: &NativeId) -> Result<Vec<Checkpoint>> {
        let limit = Some(self.0.settings.look);
        self.call(CHECKPOINT, "checkpoints", limit, self.0.provider.checkpoints(id)).await
    }

    async fn checkpoint_create(&self, id: &NativeId, name: &CheckpointName) -> Result<()> {
        let limit = Some(self.0.settings.checkpoint);
        let create = self.0.provider.checkpoint_create(id, name);
        self.change(CHECKPOINT, "checkpoint create", limit, id, create).await
    }

    async fn checkpoint_restore(&self, id: &NativeId, name: &CheckpointName) -> Result<NativeId> {
        let limit = Some(self.0.settings.checkpoint);
        let restore = self.0.provider.checkpoint_restore(id, name);
        let restored = self.change(CHECKPOINT, "checkpoint restore", limit, id, restore).await?;
        if restored != *id {
            self.see(&restored).await;
        }
        Ok(restored)
    }

    async fn checkpoint_remove(&self, id: &NativeId, name: &CheckpointName) -> Result<()> {
        let limit = Some(self.0.settings.checkpoint);
        let remove = self.0.provider.checkpoint_remove(id, name);
        self.call(CHECKPOINT, "checkpoint remove", limit, remove).await
    }

    async fn images(&self) -> Result<Vec<Image>> {
        self.may(&[Operation::ImageList])?;
        let shared = self.0.clone();
        let read = async move {
            shared.timed("images", Some(shared.settings.list), shared.provider.images()).await
        };
        self.unless_lost(self.0.images.join(read)).await
    }

    /// Takes as long as it takes; the progress says how it goes.
    async fn image_pull(&self, reference: &str, progress: &ProgressSink) -> Result<()> {
        let pull = self.0.provider.image_pull(reference, progress);
        self.call(&[Operation::ImagePull], "image pull", None, pull).await
    }

    /// Takes as long as its source and the technology take.
    async fn image_load(
        &self,
        source: ImageSource,
        progress: &ProgressSink,
    ) -> Result<Vec<String>> {
        let load = self.0.provider.image_load(source, progress);
        self.call(&[Operation::ImageLoad], "image load", None, load).await
    }

    async fn image_remove(&self, reference: &str) -> Result<()> {
        let limit = Some(self.0.settings.change);
        let remove = self.0.provider.image_remove(reference);
        self.call(&[Operation::ImageRemove], "image remove", limit, remove).await
    }

    async fn scan(&self) -> Result<Vec<Resource>> {
        self.may(&[Operation::Scan])?;
        let shared = self.0.clone();
        let read = async move {
            shared.timed("scan", Some(shared.settings.scan), shared.provider.scan()).await
        };
        self.unless_lost(self.0.scans.join(read)).await
    }
}

impl Supervised {
    /// How long a stop with this grace may take.
    fn stopping(&self, grace: Option<Duration>) -> Duration {
        grace.unwrap_or(self.0.settings.own_grace) + self.0.settings.stop
    }
}
