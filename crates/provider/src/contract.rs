//! The contract itself.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use tamer_model::{
    Capabilities, Checkpoint, CheckpointName, ExecSpec, Instance, InstanceSpec, InstanceStats,
    LogOptions, NativeId, ProviderName, Resource, StreamKind,
};
use tokio::sync::mpsc;

use crate::{ExecSession, OptionSpec, Result};

/// One technology on this host.
///
/// Methods take ids as the technology made them. A name given by a person was resolved before.
#[async_trait::async_trait]
pub trait Provider: Send + Sync + 'static {
    /// Which provider this is: `docker`.
    fn name(&self) -> &ProviderName;

    /// The options of a spec that only this provider has.
    fn options(&self) -> &'static [OptionSpec] {
        &[]
    }

    /// Asks the technology whether it is there, its version, and what it can do. Cheap: it is
    /// asked again and again while the technology is away.
    async fn probe(&self) -> Result<Probe>;

    /// Every instance, also those that Tamer did not make and those that do not run.
    async fn list(&self) -> Result<Vec<Instance>>;

    /// One instance, as the technology knows it now.
    async fn get(&self, id: &NativeId) -> Result<Instance>;

    /// Everything the technology says about one instance, as a JSON text in its own words, with
    /// secrets left as it tells them to whoever may ask it.
    async fn describe(&self, id: &NativeId) -> Result<String>;

    /// Makes an instance and does not start it. The spec was validated, and its options checked
    /// against [`Provider::options`]. What was made on the way is taken back when it fails; where
    /// that fails too, the instance is listed and can be removed. An instance that is made
    /// carries the mark by which [`Instance::managed`] is told.
    async fn create(&self, spec: &InstanceSpec, progress: &ProgressSink) -> Result<NativeId>;

    /// Starts it. One that runs stays as it is.
    async fn start(&self, id: &NativeId) -> Result<()>;

    /// Asks it to stop, and ends it after `grace` (the technology's own when absent). Returns when
    /// it has stopped. One that does not run stays as it is.
    async fn stop(&self, id: &NativeId, grace: Option<Duration>) -> Result<()>;

    /// Stops and starts it.
    async fn restart(&self, id: &NativeId, grace: Option<Duration>) -> Result<()>;

    /// Takes its processors away and keeps its memory. One that is paused stays so; one that does
    /// not run is a [`crate::FaultKind::Conflict`].
    async fn pause(&self, id: &NativeId) -> Result<()>;

    /// Gives them back. One that runs stays as it is.
    async fn resume(&self, id: &NativeId) -> Result<()>;

    /// Removes it and what only it uses. One that runs is a [`crate::FaultKind::Conflict`] unless
    /// `force`.
    async fn remove(&self, id: &NativeId, force: bool) -> Result<()>;

    /// Runs a command in it.
    async fn exec(&self, id: &NativeId, spec: &ExecSpec) -> Result<ExecSession>;

    /// Its log: for a container what it writes, for a machine its console.
    async fn logs(&self, id: &NativeId, options: &LogOptions) -> Result<LogStream>;

    /// One sample of what it uses. [`crate::FaultKind::Conflict`] when it does not run.
    async fn stats(&self, id: &NativeId) -> Result<InstanceStats>;

    /// What changes from now on. Ends when the technology goes away.
    async fn events(&self) -> Result<EventStream>;

    /// Its checkpoints, oldest first.
    async fn checkpoints(&self, id: &NativeId) -> Result<Vec<Checkpoint>>;

    /// Saves its state under a name that it has not used.
    async fn checkpoint_create(&self, id: &NativeId, name: &CheckpointName) -> Result<()>;

    /// Brings it back to a saved state. Returns its id, which is another one where the technology
    /// can only make it anew.
    async fn checkpoint_restore(&self, id: &NativeId, name: &CheckpointName) -> Result<NativeId>;

    /// Removes a saved state.
    async fn checkpoint_remove(&self, id: &NativeId, name: &CheckpointName) -> Result<()>;

    /// The images or templates that instances can be made of.
    async fn images(&self) -> Result<Vec<Image>>;

    /// Fetches an image from where its reference says.
    async fn image_pull(&self, reference: &str, progress: &ProgressSink) -> Result<()>;

    /// Takes in an image from a stream of its file. Returns the references it can be used by.
    async fn image_load(&self, source: ImageSource, progress: &ProgressSink)
    -> Result<Vec<String>>;

    /// Removes an image that no instance uses.
    async fn image_remove(&self, reference: &str) -> Result<()>;

    /// Everything worth knowing about the technology on this host, with the dependencies between
    /// the parts, in the order of kinds and ids.
    async fn scan(&self) -> Result<Vec<Resource>>;
}

/// A technology that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The technology and its version: "Docker Engine 20.10.24".
    pub version: String,
    /// Where it was reached: "unix:///run/docker.sock".
    pub endpoint: String,
    /// What it can do, each operation told.
    pub capabilities: Capabilities,
}

/// Part of a log. Chunks of the two streams come in the order in which they were written, as far
/// as the technology keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogChunk {
    /// Which stream.
    pub stream: StreamKind,
    /// Bytes, which need not end with a line.
    pub data: Bytes,
}

/// A log as it is read. It ends with the log, or, when it is followed, with the instance's run.
pub type LogStream = BoxStream<'static, Result<LogChunk>>;

/// Something changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderEvent {
    /// This instance was made, changed or removed; look at it.
    Instance(NativeId),
    /// Something else of the technology changed: an image, a network, a volume.
    Other,
    /// Events were lost: look at everything.
    Lost,
}

/// Events as they come.
pub type EventStream = BoxStream<'static, Result<ProviderEvent>>;

/// An image or template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// What the technology calls it for ever: a digest, a path.
    pub id: String,
    /// What it can be used by.
    pub references: Vec<String>,
    /// Bytes on disk.
    pub size_bytes: Option<u64>,
}

/// The file of an image, piece by piece. An error ends the load, and nothing of it stays.
pub type ImageSource = BoxStream<'static, std::io::Result<Bytes>>;

/// How a long operation goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What is being done, and on what: "pulling layer 3a1f…".
    pub what: String,
    /// How far it is.
    pub done_bytes: Option<u64>,
    /// How far it goes.
    pub total_bytes: Option<u64>,
}

/// Where progress is told. Telling never waits: what nobody reads in time is not told.
#[derive(Debug, Clone, Default)]
pub struct ProgressSink(Option<mpsc::Sender<Progress>>);

impl ProgressSink {
    /// Tells it to nobody.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Tells it here.
    pub const fn to(sender: mpsc::Sender<Progress>) -> Self {
        Self(Some(sender))
    }

    /// Tells how it goes.
    pub fn tell(&self, progress: Progress) {
        if let Some(sender) = &self.0 {
            // Full or closed: the next one will say more.
            let _ = sender.try_send(progress);
        }
    }
}
