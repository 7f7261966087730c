//! What an agent tells of its providers and instances, written down.
//!
//! One for each session, and only that session's task calls it: so the records of a host have one
//! writer. Only differences are written: a session that begins with five thousand instances of
//! which none changed writes nothing.

use std::collections::{BTreeMap, BTreeSet};

use tamer_model::{
    FleetInstance, HostId, Instance, InstanceId, InstanceRef, NativeId, Problem, ProviderName,
    ProviderStatus,
};
use tamer_proto::wire;
use tamer_store::{Commit, MAX_COMMIT_BYTES, Store};
use tracing::warn;

use super::id_of;
use crate::clock;
use crate::fleet::Fleet;
use crate::state::{Unstorable, encode, keys};

/// The most instances of one host.
pub const MAX_INSTANCES: usize = 20_000;
/// The most providers of one host.
const MAX_PROVIDERS: usize = 32;
/// Writes to a commit, of 128 that a store accepts.
const KEYS: usize = 100;
/// The longest record of one instance, in bytes. What is longer loses its labels first: a host must
/// not be able to fill the store, and a container with a book in its labels must not cost its host
/// the session.
const MAX_RECORD: usize = 8 * 1024;
/// What is left of texts and lists of an instance that is still too long.
const SHORT_TEXT: usize = 512;
const SHORT_LIST: usize = 16;

/// An instance's new record, or none when it is gone.
type Change = (InstanceId, Option<Vec<u8>>);

/// Takes in what one session tells.
pub struct Ingest {
    store: Store,
    fleet: Fleet,
    host: HostId,
    /// The complete lists that are being told: what came so far.
    told: BTreeMap<ProviderName, BTreeSet<InstanceId>>,
    /// Whether it was said that the host has too many.
    said_too_many: bool,
}

impl Ingest {
    pub fn new(store: Store, fleet: Fleet, host: HostId) -> Self {
        Self { store, fleet, host, told: BTreeMap::new(), said_too_many: false }
    }

    /// Writes down what the host's providers are and can.
    pub async fn providers(&mut self, told: wire::Providers) -> Result<(), Problem> {
        let wire::Providers { providers } = told;
        if providers.len() > MAX_PROVIDERS {
            let message = format!("{} providers, more than {MAX_PROVIDERS}", providers.len());
            return Err(Problem::field("providers", message));
        }
        let providers: Vec<_> =
            providers.into_iter().map(ProviderStatus::try_from).collect::<Result<_, _>>()?;
        if self.fleet.view().providers(self.host) == providers {
            return Ok(());
        }
        let commit = Commit::new().put(keys::providers(self.host), encode(&providers));
        self.commit(commit).await?;
        // What a provider ran that its agent no longer has is nobody's affair here any more.
        let orphans: Vec<_> = {
            let view = self.fleet.view();
            let orphan = |name: &ProviderName| providers.iter().all(|status| status.name != *name);
            view.instances_of(self.host)
                .filter(|placed| orphan(&placed.instance.provider))
                .map(|placed| (placed.instance.id, None))
                .collect()
        };
        self.write(orphans).await
    }

    /// Writes down what changed among the instances of a provider.
    pub async fn instances(&mut self, told: wire::InstancesChanged) -> Result<(), Problem> {
        let wire::InstancesChanged { provider, begins, complete, put, gone } = told;
        let provider: ProviderName = provider.try_into()?;
        if begins {
            self.told.insert(provider.clone(), BTreeSet::new());
        }
        let put: Vec<_> = put.into_iter().map(Instance::try_from).collect::<Result<_, _>>()?;
        let gone: Vec<NativeId> =
            gone.into_iter().map(NativeId::try_from).collect::<Result<_, _>>()?;
        let mut writes = self.changed(&provider, put);
        writes.extend(gone.into_iter().map(|native| {
            let id = id_of(self.host, &InstanceRef { provider: provider.clone(), native });
            (id, None)
        }));
        if complete && let Some(told) = self.told.remove(&provider) {
            writes.extend(self.untold(&provider, &told).into_iter().map(|id| (id, None)));
        }
        self.write(writes).await
    }

    /// What of `put` is not known yet.
    fn changed(&mut self, provider: &ProviderName, put: Vec<Instance>) -> Vec<Change> {
        let view = self.fleet.view();
        let mut told = self.told.get_mut(provider);
        let mut writes = Vec::new();
        let mut room = MAX_INSTANCES.saturating_sub(view.count_instances(self.host));
        for mut instance in put {
            let reference =
                InstanceRef { provider: provider.clone(), native: instance.native.clone() };
            let id = id_of(self.host, &reference);
            if let Some(told) = &mut told {
                told.insert(id);
            }
            let known = view.instance(id);
            shorten(&mut instance);
            if known.is_some_and(|known| known.instance.instance == instance) {
                continue;
            }
            if known.is_none() {
                if room == 0 {
                    if !std::mem::replace(&mut self.said_too_many, true) {
                        let most = MAX_INSTANCES;
                        warn!(host = %self.host, most, "the host has more instances than are kept");
                    }
                    continue;
                }
                room -= 1;
            }
            let instance = FleetInstance {
                id,
                host: self.host,
                provider: provider.clone(),
                told_at: clock::now(),
                instance,
            };
            writes.push((id, Some(encode(&instance))));
        }
        writes
    }

    /// What is known of a provider and a complete list does not have.
    fn untold(&self, provider: &ProviderName, told: &BTreeSet<InstanceId>) -> Vec<InstanceId> {
        let view = self.fleet.view();
        view.instances_of(self.host)
            .filter(|placed| placed.instance.provider == *provider)
            .map(|placed| placed.instance.id)
            .filter(|id| !told.contains(id))
            .collect()
    }

    async fn write(&self, writes: Vec<Change>) -> Result<(), Problem> {
        let mut commit = Commit::new();
        let mut keys_in = 0;
        for (id, record) in writes {
            let size = record.as_ref().map_or(0, Vec::len) + 256;
            if keys_in == KEYS || commit.size() + size > MAX_COMMIT_BYTES {
                self.commit(std::mem::take(&mut commit)).await?;
                keys_in = 0;
            }
            let key = keys::instance(self.host, id);
            commit = match record {
                Some(record) => commit.put(key, record),
                None => commit.delete(key),
            };
            keys_in += 1;
        }
        if keys_in > 0 { self.commit(commit).await } else { Ok(()) }
    }

    /// Commits, and waits until the cache shows it: the next message is compared with it.
    async fn commit(&self, commit: Commit) -> Result<(), Problem> {
        let revision = self.store.commit(commit).await.map_err(Unstorable::problem)?;
        self.fleet.reached(revision).await;
        Ok(())
    }
}

/// Makes an instance fit its record: first without labels, then with short texts and lists.
fn shorten(instance: &mut Instance) {
    if encode(instance).len() <= MAX_RECORD {
        return;
    }
    instance.labels.clear();
    if encode(instance).len() <= MAX_RECORD {
        return;
    }
    for text in [&mut instance.reason, &mut instance.image].into_iter().flatten() {
        let end = (0..=SHORT_TEXT.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or_default());
    }
    instance.addresses.truncate(SHORT_LIST);
    instance.ports.truncate(SHORT_LIST);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tamer_model::{InstanceKind, InstanceState, Port, Protocol};

    use super::*;

    proptest! {
        #[test]
        fn every_instance_fits_its_record(
            labels in proptest::collection::btree_map(".{0,40}", ".{0,4000}", 0..8),
            text in proptest::option::of(".{0,9000}"),
            lists in 0usize..2000,
        ) {
            let port = Port { instance: 1, host: None, address: None, protocol: Protocol::Tcp };
            let mut instance = Instance {
                native: "n".repeat(256).parse().expect("an id"),
                name: "\u{1F680}".repeat(63).parse().expect("a name"),
                kind: InstanceKind::Container,
                state: InstanceState::Running,
                reason: text.clone(),
                image: text,
                created_at: None,
                exit_code: None,
                managed: true,
                labels,
                addresses: vec![[255; 16].into(); lists],
                ports: vec![port; lists],
            };
            let before = instance.clone();
            shorten(&mut instance);
            prop_assert!(encode(&instance).len() <= MAX_RECORD);
            prop_assert!(encode(&before).len() > MAX_RECORD || instance == before);
        }
    }
}
