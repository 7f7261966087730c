//! The provider itself: who it speaks with, and the way from the contract to each operation.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tamer_model::{
    Checkpoint, CheckpointName, ExecSpec, Instance, InstanceSpec, InstanceStats, LogOptions,
    NativeId, ProviderName, Resource,
};
use tamer_provider::{
    EventStream, ExecSession, Image, ImageSource, LogStream, OptionSpec, Probe, ProgressSink,
    Provider, Result,
};

use crate::client::{Ask, Client};
use crate::connect::Endpoint;
use crate::engine::Engine;
use crate::reference::Reference;
use crate::settings::{Registry, Settings};
use crate::{
    checkpoint, create, events, exec, fault, find, image, lifecycle, list, logs, options, probe,
    scan, stats,
};

/// Containers of one engine on this host, Docker Engine or Podman.
///
/// Making one asks nobody anything: an engine that is not there is what
/// [`Provider::probe`] says.
#[derive(Debug)]
pub struct ContainerProvider {
    settings: Settings,
    /// The engine that answered last.
    met: Mutex<Option<Met>>,
}

/// An engine, and who answered the first ping since it said what it is.
#[derive(Debug)]
struct Met {
    engine: Arc<Engine>,
    server: OnceLock<Option<String>>,
}

impl ContainerProvider {
    /// A provider with these settings.
    pub const fn new(settings: Settings) -> Self {
        Self { settings, met: Mutex::new(None) }
    }

    /// Whom to be at a registry, if anybody.
    pub(crate) fn registry(&self, host: &str) -> Option<&Registry> {
        self.settings.registries.iter().find(|registry| registry.host == host)
    }

    async fn engine(&self) -> Result<Arc<Engine>> {
        if let Some(met) = &*self.met.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(Arc::clone(&met.engine));
        }
        self.meet().await
    }

    async fn meet(&self) -> Result<Arc<Engine>> {
        *self.met.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let endpoint = match &self.settings.endpoint {
            Some(text) => Endpoint::parse(text)?,
            None => find::find(&self.settings.name).map_err(|looked| fault::nowhere(&looked))?,
        };
        let tls = self.settings.tls.clone();
        let engine = Engine::meet(Client { endpoint, tls, version: String::new() }).await?;
        let engine = Arc::new(engine);
        let met = Met { engine: Arc::clone(&engine), server: OnceLock::new() };
        *self.met.lock().unwrap_or_else(PoisonError::into_inner) = Some(met);
        Ok(engine)
    }

    /// The engine that answered last, if it still answers. Podman looks at everything it has before
    /// it tells its version, a third of a second of a processor; a ping costs nothing.
    async fn known(&self) -> Option<Arc<Engine>> {
        let lock = || self.met.lock().unwrap_or_else(PoisonError::into_inner);
        let engine = Arc::clone(&lock().as_ref()?.engine);
        let server = engine.client.ping().await.ok()?;
        let met = lock();
        let same = |met: &&Met| *met.server.get_or_init(|| server.clone()) == server;
        met.as_ref().filter(same).map(|met| Arc::clone(&met.engine))
    }
}

#[async_trait::async_trait]
impl Provider for ContainerProvider {
    fn name(&self) -> &ProviderName {
        &self.settings.name
    }

    fn options(&self) -> &'static [OptionSpec] {
        options::OPTIONS
    }

    async fn probe(&self) -> Result<Probe> {
        let engine = match self.known().await {
            Some(engine) => engine,
            None => self.meet().await?,
        };
        Ok(probe::probe(&engine))
    }

    async fn list(&self) -> Result<Vec<Instance>> {
        list::list(&*self.engine().await?).await
    }

    async fn get(&self, id: &NativeId) -> Result<Instance> {
        list::get(&*self.engine().await?, id).await
    }

    async fn describe(&self, id: &NativeId) -> Result<String> {
        let engine = self.engine().await?;
        let ask = Ask::get(&["containers", id.as_str(), "json"]);
        let doing = format!("describe {id}");
        let text = engine.client.text(&doing, ask).await?;
        String::from_utf8(text.into()).map_err(|error| fault::garbled(&doing, &error))
    }

    async fn create(&self, spec: &InstanceSpec, progress: &ProgressSink) -> Result<NativeId> {
        create::create(self, &*self.engine().await?, spec, progress).await
    }

    async fn start(&self, id: &NativeId) -> Result<()> {
        lifecycle::start(&*self.engine().await?, id).await
    }

    async fn stop(&self, id: &NativeId, grace: Option<Duration>) -> Result<()> {
        lifecycle::stop(&*self.engine().await?, id, grace).await
    }

    async fn restart(&self, id: &NativeId, grace: Option<Duration>) -> Result<()> {
        lifecycle::restart(&*self.engine().await?, id, grace).await
    }

    async fn pause(&self, id: &NativeId) -> Result<()> {
        lifecycle::pause(&*self.engine().await?, id).await
    }

    async fn resume(&self, id: &NativeId) -> Result<()> {
        lifecycle::resume(&*self.engine().await?, id).await
    }

    async fn remove(&self, id: &NativeId, force: bool) -> Result<()> {
        lifecycle::remove(&*self.engine().await?, id, force).await
    }

    async fn exec(&self, id: &NativeId, spec: &ExecSpec) -> Result<ExecSession> {
        exec::exec(&*self.engine().await?, id, spec).await
    }

    async fn logs(&self, id: &NativeId, options: &LogOptions) -> Result<LogStream> {
        logs::logs(&*self.engine().await?, id, options).await
    }

    async fn stats(&self, id: &NativeId) -> Result<InstanceStats> {
        stats::stats(&*self.engine().await?, id).await
    }

    async fn events(&self) -> Result<EventStream> {
        events::events(&*self.engine().await?).await
    }

    async fn checkpoints(&self, id: &NativeId) -> Result<Vec<Checkpoint>> {
        checkpoint::list(&*self.engine().await?, id).await
    }

    async fn checkpoint_create(&self, id: &NativeId, name: &CheckpointName) -> Result<()> {
        checkpoint::create(&*self.engine().await?, id, name).await
    }

    async fn checkpoint_restore(&self, id: &NativeId, name: &CheckpointName) -> Result<NativeId> {
        checkpoint::restore(&*self.engine().await?, id, name).await
    }

    async fn checkpoint_remove(&self, id: &NativeId, name: &CheckpointName) -> Result<()> {
        checkpoint::remove(&*self.engine().await?, id, name).await
    }

    async fn images(&self) -> Result<Vec<Image>> {
        image::list(&*self.engine().await?).await
    }

    async fn image_pull(&self, reference: &str, progress: &ProgressSink) -> Result<()> {
        let image = Reference::parse(reference)?;
        image::pull(self, &*self.engine().await?, &image, progress).await
    }

    async fn image_load(
        &self,
        source: ImageSource,
        progress: &ProgressSink,
    ) -> Result<Vec<String>> {
        image::load(&*self.engine().await?, source, progress).await
    }

    async fn image_remove(&self, reference: &str) -> Result<()> {
        image::remove(&*self.engine().await?, reference).await
    }

    async fn scan(&self) -> Result<Vec<Resource>> {
        scan::scan(&*self.engine().await?).await
    }
}
