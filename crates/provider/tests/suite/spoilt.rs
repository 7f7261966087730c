//! Broken promises, one at a time.

use std::time::Duration;

use futures_util::{StreamExt as _, future, stream};
use tamer_model::{
    Ability, Checkpoint, CheckpointName, ExecSpec, Instance, InstanceSpec, InstanceState,
    InstanceStats, LogOptions, NativeId, Operation, ProviderName, Resource,
};
use tamer_provider::conformance::{Filter, run};
use tamer_provider::fake::Fake;
use tamer_provider::{
    EventStream, ExecOutput, ExecSession, FaultKind, Image, ImageSource, LogStream, OptionSpec,
    Probe, ProgressSink, Provider, Result,
};

use crate::{failed, fake, odd};

/// A promise, and how it is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sin {
    /// An operation is not told.
    Silent,
    /// What Tamer made is not told as such.
    Unmarked,
    /// A start of what runs is a conflict.
    StartsOnce,
    /// A stop does not wait for the end.
    StopsEarly,
    /// What runs is removed without force.
    Removes,
    /// What is not there is removed all the same.
    RemovesNothing,
    /// What cannot be had is done all the same.
    Unasked,
    /// One piece of output is lost.
    Loses,
    /// All output is read before any is told.
    Hoards,
    /// Output ends without an end.
    Endless,
    /// Tail is not heeded.
    Talks,
    /// Stats of what does not run.
    Counts,
    /// A scan finds itself changed.
    Moves,
    /// A dependency of a scan is not there.
    Dangles,
}

struct Spoilt(Fake, Sin);

#[tokio::test(start_paused = true)]
async fn each_broken_promise_fails_its_check() {
    for (sin, filter, wanted) in [
        (Sin::Silent, "probe", &["probe"][..]),
        (Sin::Unmarked, "names", &["names"]),
        (
            Sin::StartsOnce,
            "lifecycle-re,lifecycle-twice,race-starts",
            &["lifecycle-twice", "race-starts"],
        ),
        (
            Sin::StopsEarly,
            "lifecycle,exec-stopped",
            &["lifecycle", "lifecycle-twice", "exec-stopped"],
        ),
        (Sin::Removes, "lifecycle", &["lifecycle-remove"]),
        (Sin::RemovesNothing, "lifecycle", &["lifecycle", "lifecycle-remove"]),
        (Sin::Unasked, "unsupported", &["unsupported"]),
        (Sin::Loses, "exec-order,exec-codes", &["exec-order"]),
        (Sin::Hoards, "exec-flood,exec-order", &["exec-flood"]),
        (Sin::Endless, "exec-codes,exec-streams", &["exec-streams", "exec-codes"]),
        (Sin::Talks, "logs", &["logs-tail"]),
        (Sin::Counts, "stats", &["stats-stopped"]),
        (Sin::Moves, "scan", &["scan-instance", "scan-running"]),
        (Sin::Dangles, "scan", &["scan"]),
    ] {
        let report = run(&odd(Spoilt(fake(), sin)), &Filter::new(filter)).await;
        assert_eq!(failed(&report), wanted, "{sin:?}\n{report}");
    }
}

impl Spoilt {
    fn sins(&self, sin: Sin) -> bool {
        self.1 == sin
    }

    fn told(&self, mut instance: Instance) -> Instance {
        instance.managed &= !self.sins(Sin::Unmarked);
        instance
    }

    fn output(&self, session: ExecSession) -> ExecSession {
        let ExecSession { input, output } = session;
        let output = match self.1 {
            Sin::Loses => {
                let mut pieces = 0;
                let kept = move |_: &Result<ExecOutput>| {
                    pieces += 1;
                    future::ready(pieces != 100)
                };
                output.filter(kept).boxed()
            }
            Sin::Endless => {
                let data = |item: &Result<ExecOutput>| !matches!(item, Ok(ExecOutput::Ended(_)));
                output.take_while(move |item| future::ready(data(item))).boxed()
            }
            Sin::Hoards => {
                // A copy of each piece: the fake tells the same bytes again and again.
                let copy = |item| match item {
                    Ok(ExecOutput::Data(kind, data)) => {
                        Ok(ExecOutput::Data(kind, bytes::Bytes::from(data.to_vec())))
                    }
                    other => other,
                };
                let all = output.map(copy).collect::<Vec<_>>();
                stream::once(all).flat_map(stream::iter).boxed()
            }
            _ => output,
        };
        ExecSession { input, output }
    }
}

#[async_trait::async_trait]
impl Provider for Spoilt {
    fn name(&self) -> &ProviderName {
        self.0.name()
    }

    fn options(&self) -> &'static [OptionSpec] {
        self.0.options()
    }

    async fn probe(&self) -> Result<Probe> {
        let mut probe = self.0.probe().await?;
        if self.sins(Sin::Silent) {
            probe.capabilities.remove(&Operation::ImageLoad);
        }
        if self.sins(Sin::Unasked) {
            probe.capabilities.insert(Operation::Stats, Ability::No("it cannot count".to_owned()));
        }
        Ok(probe)
    }

    async fn list(&self) -> Result<Vec<Instance>> {
        Ok(self.0.list().await?.into_iter().map(|instance| self.told(instance)).collect())
    }

    async fn get(&self, id: &NativeId) -> Result<Instance> {
        self.0.get(id).await.map(|instance| self.told(instance))
    }

    async fn describe(&self, id: &NativeId) -> Result<String> {
        self.0.describe(id).await
    }

    async fn create(&self, spec: &InstanceSpec, progress: &ProgressSink) -> Result<NativeId> {
        self.0.create(spec, progress).await
    }

    async fn start(&self, id: &NativeId) -> Result<()> {
        let runs = self.0.get(id).await?.state == InstanceState::Running;
        if self.sins(Sin::StartsOnce) && runs {
            return Err(tamer_provider::Fault::new(FaultKind::Conflict, "it runs"));
        }
        self.0.start(id).await
    }

    async fn stop(&self, id: &NativeId, grace: Option<Duration>) -> Result<()> {
        if self.sins(Sin::StopsEarly) {
            self.0.get(id).await?;
            return Ok(());
        }
        self.0.stop(id, grace).await
    }

    async fn restart(&self, id: &NativeId, grace: Option<Duration>) -> Result<()> {
        self.0.restart(id, grace).await
    }

    async fn pause(&self, id: &NativeId) -> Result<()> {
        self.0.pause(id).await
    }

    async fn resume(&self, id: &NativeId) -> Result<()> {
        self.0.resume(id).await
    }

    async fn remove(&self, id: &NativeId, force: bool) -> Result<()> {
        match self.0.remove(id, force || self.sins(Sin::Removes)).await {
            Err(fault) if fault.kind == FaultKind::NotFound && self.sins(Sin::RemovesNothing) => {
                Ok(())
            }
            outcome => outcome,
        }
    }

    async fn exec(&self, id: &NativeId, spec: &ExecSpec) -> Result<ExecSession> {
        self.0.exec(id, spec).await.map(|session| self.output(session))
    }

    async fn logs(&self, id: &NativeId, options: &LogOptions) -> Result<LogStream> {
        let tail = options.tail.filter(|_| !self.sins(Sin::Talks));
        self.0.logs(id, &LogOptions { tail, ..*options }).await
    }

    async fn stats(&self, id: &NativeId) -> Result<InstanceStats> {
        match self.0.stats(id).await {
            Err(fault) if fault.kind == FaultKind::Conflict && self.sins(Sin::Counts) => {
                Ok(InstanceStats::default())
            }
            outcome => outcome,
        }
    }

    async fn events(&self) -> Result<EventStream> {
        self.0.events().await
    }

    async fn checkpoints(&self, id: &NativeId) -> Result<Vec<Checkpoint>> {
        self.0.checkpoints(id).await
    }

    async fn checkpoint_create(&self, id: &NativeId, name: &CheckpointName) -> Result<()> {
        self.0.checkpoint_create(id, name).await
    }

    async fn checkpoint_restore(&self, id: &NativeId, name: &CheckpointName) -> Result<NativeId> {
        self.0.checkpoint_restore(id, name).await
    }

    async fn checkpoint_remove(&self, id: &NativeId, name: &CheckpointName) -> Result<()> {
        self.0.checkpoint_remove(id, name).await
    }

    async fn images(&self) -> Result<Vec<Image>> {
        self.0.images().await
    }

    async fn image_pull(&self, reference: &str, progress: &ProgressSink) -> Result<()> {
        self.0.image_pull(reference, progress).await
    }

    async fn image_load(
        &self,
        source: ImageSource,
        progress: &ProgressSink,
    ) -> Result<Vec<String>> {
        self.0.image_load(source, progress).await
    }

    async fn image_remove(&self, reference: &str) -> Result<()> {
        self.0.image_remove(reference).await
    }

    async fn scan(&self) -> Result<Vec<Resource>> {
        let mut found = self.0.scan().await?;
        let scans = self.0.calls("scan").to_string();
        if self.sins(Sin::Moves) {
            found[0].attributes.insert("scans".to_owned(), scans);
        }
        if self.sins(Sin::Dangles) {
            let mut missing = found[0].reference.clone();
            missing.id.push_str("-none");
            found[0].depends_on.push(missing);
        }
        Ok(found)
    }
}
