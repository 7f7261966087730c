//! The provider contract, one file for each family of operations.

mod checkpoint;
mod create;
mod disk;
mod event;
mod exec;
mod image;
mod lifecycle;
mod log;
mod look;
mod probe;
mod scan;

use std::time::Duration;

use tamer_model::{
    Checkpoint, CheckpointName, ExecSpec, Instance, InstanceSpec, InstanceStats, LogOptions,
    NativeId, ProviderName, Resource,
};
use tamer_provider::{
    EventStream, ExecSession, Image, ImageSource, LogStream, OptionSpec, Probe, ProgressSink,
    Provider, Result,
};

use crate::options::OPTIONS;
use crate::session::Session;
use crate::settings::Settings;

/// The virtual machines of a host's libvirt.
#[derive(Debug)]
pub struct MachineProvider {
    settings: Settings,
    session: Session,
}

impl MachineProvider {
    /// Does not connect: libvirt may come later, or never.
    pub fn new(settings: Settings) -> Self {
        let session = Session::new(&settings);
        Self { settings, session }
    }

    /// Whether the hypervisor is QEMU. Only its machines have an agent, a log and disks of ours.
    fn is_qemu(&self) -> bool {
        self.settings.uri.starts_with("qemu")
    }
}

#[async_trait::async_trait]
impl Provider for MachineProvider {
    fn name(&self) -> &ProviderName {
        &self.settings.name
    }

    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    async fn probe(&self) -> Result<Probe> {
        self.probed().await
    }

    async fn list(&self) -> Result<Vec<Instance>> {
        self.all().await
    }

    async fn get(&self, id: &NativeId) -> Result<Instance> {
        self.one(id).await
    }

    async fn describe(&self, id: &NativeId) -> Result<String> {
        self.described(id).await
    }

    async fn create(&self, spec: &InstanceSpec, progress: &ProgressSink) -> Result<NativeId> {
        self.made(spec, progress).await
    }

    async fn start(&self, id: &NativeId) -> Result<()> {
        self.started(id).await
    }

    async fn stop(&self, id: &NativeId, grace: Option<Duration>) -> Result<()> {
        self.stopped(id, grace).await
    }

    async fn restart(&self, id: &NativeId, grace: Option<Duration>) -> Result<()> {
        self.stopped(id, grace).await?;
        self.started(id).await
    }

    async fn pause(&self, id: &NativeId) -> Result<()> {
        self.paused(id).await
    }

    async fn resume(&self, id: &NativeId) -> Result<()> {
        self.resumed(id).await
    }

    async fn remove(&self, id: &NativeId, force: bool) -> Result<()> {
        self.removed(id, force).await
    }

    async fn exec(&self, id: &NativeId, spec: &ExecSpec) -> Result<ExecSession> {
        self.executed(id, spec).await
    }

    async fn logs(&self, id: &NativeId, options: &LogOptions) -> Result<LogStream> {
        self.logged(id, options).await
    }

    async fn stats(&self, id: &NativeId) -> Result<InstanceStats> {
        self.sampled(id).await
    }

    async fn events(&self) -> Result<EventStream> {
        self.listened().await
    }

    async fn checkpoints(&self, id: &NativeId) -> Result<Vec<Checkpoint>> {
        self.saved(id).await
    }

    async fn checkpoint_create(&self, id: &NativeId, name: &CheckpointName) -> Result<()> {
        self.save(id, name).await
    }

    async fn checkpoint_restore(&self, id: &NativeId, name: &CheckpointName) -> Result<NativeId> {
        self.revert(id, name).await
    }

    async fn checkpoint_remove(&self, id: &NativeId, name: &CheckpointName) -> Result<()> {
        self.forget(id, name).await
    }

    async fn images(&self) -> Result<Vec<Image>> {
        self.all_images().await
    }

    async fn image_pull(&self, _reference: &str, _progress: &ProgressSink) -> Result<()> {
        Err(tamer_provider::Fault::unsupported("image pull", probe::NO_PULL)
            .remedy("load the disk image from a file: `tamerctl image load`"))
    }

    async fn image_load(
        &self,
        source: ImageSource,
        progress: &ProgressSink,
    ) -> Result<Vec<String>> {
        self.load_image(source, progress).await
    }

    async fn image_remove(&self, reference: &str) -> Result<()> {
        self.remove_image(reference).await
    }

    async fn scan(&self) -> Result<Vec<Resource>> {
        self.scanned().await
    }
}
