//! The hosts that a selector means, worked out once for all workloads that use it.

use std::collections::HashMap;

use tamer_model::{Host, HostState, Selector};

use super::{Bits, HostIx, MaskIx};

/// The selectors in use and whom they mean.
#[derive(Debug, Clone, Default)]
pub struct Masks {
    all: Vec<Mask>,
    known: HashMap<Selector, MaskIx>,
    free: Vec<MaskIx>,
}

#[derive(Debug, Clone)]
struct Mask {
    selector: Selector,
    hosts: Bits,
    users: u32,
}

/// Whether a selector means a host. Whether hosts are ready is not for selectors to say here: a
/// copy would be moved whenever its host was lost, whatever its workload says of lost hosts.
pub fn means(selector: &Selector, host: &Host) -> bool {
    selector.matches(&(host, HostState::Ready))
}

impl Masks {
    /// Whom a selector means, among these hosts, until it is released as often as it was asked for.
    pub fn claim<'a>(
        &mut self,
        selector: &Selector,
        hosts: impl Iterator<Item = (HostIx, &'a Host)>,
    ) -> MaskIx {
        if let Some(known) = self.known.get(selector) {
            self.all[known.at()].users += 1;
            return *known;
        }
        let mut mask = Mask { selector: selector.clone(), hosts: Bits::default(), users: 1 };
        for (ix, host) in hosts {
            mask.hosts.set(ix, means(selector, host));
        }
        let ix = match self.free.pop() {
            Some(ix) => {
                self.all[ix.at()] = mask;
                ix
            }
            None => {
                self.all.push(mask);
                MaskIx(self.all.len() as u32 - 1)
            }
        };
        self.known.insert(selector.clone(), ix);
        ix
    }

    /// One user less.
    pub fn release(&mut self, ix: MaskIx) {
        let mask = &mut self.all[ix.at()];
        mask.users -= 1;
        if mask.users == 0 {
            self.known.remove(&mask.selector);
            mask.hosts = Bits::default();
            self.free.push(ix);
        }
    }

    /// A host is there, is another, or is gone.
    pub fn host(&mut self, ix: HostIx, host: Option<&Host>) {
        for mask in self.all.iter_mut().filter(|mask| mask.users > 0) {
            mask.hosts.set(ix, host.is_some_and(|host| means(&mask.selector, host)));
        }
    }

    /// The hosts.
    pub fn hosts(&self, ix: MaskIx) -> &Bits {
        &self.all[ix.at()].hosts
    }
}
