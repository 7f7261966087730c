//! Hosts: what was told of them and what is left of them.

use std::collections::{BTreeSet, HashMap};

use tamer_model::{HostId, HostState, ProviderName};

use super::placements::Head;
use super::{Bits, HostIx, Needs, Usage};
use crate::HostView;

/// A host.
#[derive(Debug, Clone)]
pub struct HostRecord {
    /// Its id.
    pub id: HostId,
    /// What was told; none when it is not there, though placements are said to be on it.
    pub view: Option<HostView>,
    /// Decides between hosts that are as good.
    pub rank: u64,
    /// The placements on it.
    pub head: Head,
}

/// All hosts.
#[derive(Debug, Clone, Default)]
pub struct Hosts {
    all: Vec<HostRecord>,
    usage: Vec<Usage>,
    by_id: HashMap<HostId, HostIx>,
    free: Vec<HostIx>,
    /// Hosts that are ready, and neither cordoned nor drained.
    open: Bits,
    /// By provider: where its technology answers.
    providers: HashMap<ProviderName, Bits>,
    /// Hosts that are set aside, for all workloads or for some.
    aside: BTreeSet<HostIx>,
    nowhere: Bits,
    seed: u64,
}

impl Hosts {
    /// None yet.
    pub fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// The place of a host; one is made for hosts that were never told of.
    pub fn place(&mut self, id: HostId) -> HostIx {
        if let Some(ix) = self.by_id.get(&id) {
            return *ix;
        }
        let record =
            HostRecord { id, view: None, rank: rank(self.seed, id), head: Head::default() };
        let ix = match self.free.pop() {
            Some(ix) => {
                (self.all[ix.at()], self.usage[ix.at()]) = (record, Usage::default());
                ix
            }
            None => {
                self.all.push(record);
                self.usage.push(Usage::default());
                HostIx(self.all.len() as u32 - 1)
            }
        };
        self.by_id.insert(id, ix);
        ix
    }

    /// Takes over what is told of a host. Says what was told before.
    pub fn tell(
        &mut self,
        ix: HostIx,
        view: Option<HostView>,
        needs: &mut Needs,
    ) -> Option<HostView> {
        let record = &mut self.all[ix.at()];
        let before = std::mem::replace(&mut record.view, view);
        let after = record.view.as_ref();
        let facts = |view: Option<&HostView>| view.map(|view| std::sync::Arc::clone(&view.host));
        let (old, new) = (facts(before.as_ref()), facts(after));
        self.usage[ix.at()].resize(
            old.as_ref().map(|host| &host.facts),
            new.as_ref().map(|host| &host.facts),
            needs,
        );
        self.open.set(ix, after.is_some_and(is_open));
        for provider in before.iter().flat_map(|view| &view.providers) {
            if let Some(hosts) = self.providers.get_mut(provider) {
                hosts.set(ix, false);
            }
        }
        for provider in after.into_iter().flat_map(|view| &view.providers) {
            self.providers.entry(provider.clone()).or_default().set(ix, true);
        }
        let aside = |view: &HostView| view.set_aside.is_some() || !view.set_aside_for.is_empty();
        match after.is_some_and(aside) {
            true => self.aside.insert(ix),
            false => self.aside.remove(&ix),
        };
        before
    }

    /// Forgets a host that is not there any more and has no placements.
    pub fn tidy(&mut self, ix: HostIx) {
        let record = &self.all[ix.at()];
        if record.view.is_none()
            && record.head.is_empty()
            && self.by_id.remove(&record.id).is_some()
        {
            self.free.push(ix);
        }
    }

    /// Where a host is.
    pub fn find(&self, id: HostId) -> Option<HostIx> {
        self.by_id.get(&id).copied()
    }

    /// One of them.
    pub fn get(&self, ix: HostIx) -> &HostRecord {
        &self.all[ix.at()]
    }

    /// The list of what is placed there.
    pub fn head_mut(&mut self, ix: HostIx) -> &mut Head {
        &mut self.all[ix.at()].head
    }

    /// What is left of it.
    pub fn usage(&self, ix: HostIx) -> &Usage {
        &self.usage[ix.at()]
    }

    /// The same, to be changed.
    pub fn usage_mut(&mut self, ix: HostIx) -> &mut Usage {
        &mut self.usage[ix.at()]
    }

    /// Hosts that were told of.
    pub fn told(&self) -> impl Iterator<Item = (HostIx, &HostView)> {
        let all = self.all.iter().enumerate();
        all.filter_map(|(at, record)| Some((HostIx(at as u32), record.view.as_ref()?)))
    }

    /// How many places there are, taken or not.
    pub fn places(&self) -> usize {
        self.all.len()
    }

    /// Hosts that are ready, and neither cordoned nor drained.
    pub const fn open(&self) -> &Bits {
        &self.open
    }

    /// Hosts that have a provider.
    pub fn with_provider(&self, provider: &ProviderName) -> &Bits {
        self.providers.get(provider).unwrap_or(&self.nowhere)
    }

    /// Hosts that are set aside, for all workloads or for some.
    pub const fn aside(&self) -> &BTreeSet<HostIx> {
        &self.aside
    }
}

/// Whether a host takes anything new.
fn is_open(view: &HostView) -> bool {
    view.state == HostState::Ready && view.host.cordon.is_none() && view.host.drain.is_none()
}

/// Mixes an id with the seed (splitmix64): the same on every machine.
fn rank(seed: u64, id: HostId) -> u64 {
    let bytes = id.as_bytes();
    let mix = |value: u64| {
        let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    };
    let fold = |seed: u64, part: &[u8]| {
        let part = part.iter().fold(0, |value, byte| (value << 8) | u64::from(*byte));
        mix(seed.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ part)
    };
    fold(fold(seed, &bytes[..5]), &bytes[5..])
}
