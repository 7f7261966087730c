//! What the providers show of the placements. Only what changed is looked at.

use std::sync::Arc;

use tamer_model::{Availability, Instance, PlacementId, ProviderName};
use tamer_provider::Provider as _;

use super::Placements;
use super::copy::Copy;
use crate::placements::decide::Seen;
use crate::placements::ours::{self, Relation, relation};

impl Placements {
    /// Looks at every provider.
    pub(super) fn look_at_all(&mut self) {
        let names = self.registry.iter().map(|provider| provider.name().clone());
        for name in names.collect::<Vec<_>>() {
            self.look(&name);
        }
    }

    /// Takes over what changed in the view of this provider.
    pub(super) fn look(&mut self, name: &ProviderName) {
        let Ok(provider) = self.registry.get(name) else { return };
        let before = self.looked.get(name).copied().unwrap_or(0);
        let Some(delta) = provider.view().since(before) else { return };
        self.looked.insert(name.clone(), delta.revision);
        let (copies, dirty) = (&mut self.copies, &mut self.dirty);
        let of = copies.iter_mut().filter(|(_, copy)| copy.kept.order.provider == *name);
        for (id, copy) in of {
            let count = copy.instances.len();
            copy.instances.retain(|native, _| !delta.whole && !delta.gone.contains(native));
            if delta.whole || copy.instances.len() < count {
                dirty.insert(*id);
            }
        }
        for instance in delta.put {
            self.put(name, instance);
        }
    }

    /// What the provider of a placement shows of it.
    pub(super) fn seen(&self, copy: &Copy) -> Seen {
        let provider = match self.registry.get(&copy.kept.order.provider) {
            Ok(provider) => provider,
            Err(fault) => return Seen::NoProvider(fault.message),
        };
        match &provider.status().borrow().availability {
            Availability::Unavailable(problem) => return Seen::Away(problem.message.clone()),
            Availability::Available { .. } => {}
        }
        match *provider.view().revision().borrow() {
            0 => Seen::Away(format!("{} was not listed yet", copy.kept.order.provider)),
            _ => copy.seen(),
        }
    }

    fn put(&mut self, provider: &ProviderName, instance: Arc<Instance>) {
        let Some(id) = self.whose(provider, &instance) else { return };
        let Some(copy) = self.copies.get_mut(&id) else { return };
        match relation(&copy.kept.order, &instance) {
            Relation::None => drop(copy.instances.remove(&instance.native)),
            related @ (Relation::Ours | Relation::Foreign) => {
                copy.instances.insert(instance.native.clone(), (related, instance));
            }
        }
        self.dirty.insert(id);
    }

    /// The placement that an instance may have to do with, by its label or else its name.
    fn whose(&self, provider: &ProviderName, instance: &Instance) -> Option<PlacementId> {
        let of_this = |id: &PlacementId| {
            self.copies.get(id).is_some_and(|copy| copy.kept.order.provider == *provider)
        };
        let labelled = ours::label(instance).filter(of_this);
        let named = || self.names.get(&(provider.clone(), instance.name.clone())).copied();
        labelled.or_else(named)
    }
}
