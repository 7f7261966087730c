//! What we did ourselves on hosts in a time: [`tasks`] of batches, [`copies`] of workloads, and
//! [`commands`] that people ran in instances. Read from the records that say so; nothing is kept for
//! it.
//!
//! Each has an end, or goes on: what may have gone on for ever would explain everything.

mod commands;
mod copies;
mod tasks;

use std::collections::{BTreeMap, BTreeSet};

use tamer_drift::delta::{DeltaChange, What};
use tamer_drift::finding::{Deed, Doing, HostDrift, Window};
use tamer_drift::{Kind, ResourceKey, Source};
use tamer_model::{HostId, Problem, Timestamp};
use tamer_store::Store;

use super::{Drift, Past};
use crate::fleet::Fleet;
use crate::workloads::Workloads;

/// Deeds of one report.
const DEEDS: usize = 100_000;

/// Where deeds are read from.
pub struct Books<'a> {
    pub store: &'a Store,
    pub fleet: &'a Fleet,
    pub workloads: &'a Workloads,
}

impl Books<'_> {
    /// What we did on these hosts since `from`.
    ///
    /// # Errors
    /// `StoreFailed` when a record cannot be read.
    pub async fn since(
        &self,
        hosts: &BTreeSet<HostId>,
        from: Timestamp,
    ) -> Result<Vec<Deed>, Problem> {
        let mut deeds = Vec::new();
        if hosts.is_empty() {
            return Ok(deeds);
        }
        self.tasks(hosts, from, &mut deeds).await?;
        self.copies(hosts, from, &mut deeds);
        self.commands(hosts, from, &mut deeds).await?;
        deeds.truncate(DEEDS);
        Ok(deeds)
    }

    /// The same of what differs, with what only the difference itself shows.
    ///
    /// # Errors
    /// `StoreFailed` when a record cannot be read.
    pub async fn behind(&self, hosts: &[&HostDrift]) -> Result<Vec<Deed>, Problem> {
        let differing = hosts.iter().filter(|host| !host.changes.is_empty());
        let Some(from) = differing.clone().map(|host| host.window.from).min() else {
            return Ok(Vec::new());
        };
        let mut deeds = self.since(&differing.map(|host| host.host).collect(), from).await?;
        self.ended(hosts, &mut deeds);
        deeds.truncate(DEEDS);
        Ok(deeds)
    }
}

impl Drift {
    /// Where what we did is read from.
    pub(super) fn books(&self) -> Books<'_> {
        Books { store: self.store(), fleet: self.fleet(), workloads: &self.inner.workloads }
    }

    /// What of ours ran on a host in each of these steps and could have touched what changed, in
    /// words, by the step's number.
    ///
    /// # Errors
    /// `StoreFailed` when a record cannot be read.
    pub async fn deeds_of(
        &self,
        host: HostId,
        past: &[Past],
    ) -> Result<BTreeMap<usize, String>, Problem> {
        let window = |step: &Past| Window {
            from: step.record.since.unwrap_or(step.record.at).min(step.record.at),
            to: step.record.at,
        };
        let Some(from) = past.iter().map(|step| window(step).from).min() else {
            return Ok(BTreeMap::new());
        };
        let deeds = self.books().since(&[host].into(), from).await?;
        let names = self.instance_names(host);
        let words = |step: &Past| {
            let in_time = |deed: &&Deed| window(step).meets(deed.from, deed.to);
            deeds.iter().filter(in_time).find(|deed| touches(deed, step, &names)).map(said)
        };
        let numbered = past.iter().enumerate();
        Ok(numbered.filter_map(|(number, step)| Some((number, words(step)?))).collect())
    }

    /// What the instances of a host are called.
    fn instance_names(&self, host: HostId) -> BTreeMap<ResourceKey, String> {
        let view = self.fleet().view();
        let named = view.instances_of(host).filter_map(|placed| {
            let known = &placed.instance;
            let source = Source::from(&known.provider);
            let key = ResourceKey::new(source, Kind::Instance, known.instance.native.as_str());
            Some((key.ok()?, known.instance.name.to_string()))
        });
        named.collect()
    }
}

/// Whether a deed could have touched something of what changed. Of a step that was too long to be
/// kept nobody knows what that was.
fn touches(deed: &Deed, step: &Past, names: &BTreeMap<ResourceKey, String>) -> bool {
    let touches = |change: &DeltaChange| {
        let name = match &change.what {
            What::Created(resource) | What::Deleted(resource) => resource.name.as_str(),
            What::Changed(_) => names.get(&change.key).map_or("", String::as_str),
        };
        deed.touched.may_touch(&change.key, name)
    };
    step.changes.is_empty() || step.changes.iter().any(touches)
}

/// A deed in words, with what it is a part of.
fn said(deed: &Deed) -> String {
    match &deed.doing {
        Doing::Batch(id) => format!("batch {id}: {}", deed.words),
        Doing::Workload { name, placement } => {
            format!("workload {name}, placement {placement}: {}", deed.words)
        }
        Doing::Operation(id) => format!("instance {id}: {}", deed.words),
    }
}
