//! Watched instances as they stand, however often they are told again.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::InstanceChange;
use crate::contract::Instance;

/// What is known of the instances that are watched.
#[derive(Debug, Default)]
pub struct Known {
    instances: BTreeMap<String, Instance>,
    /// Those that a new watch has not told yet: at its end of telling they are gone.
    unconfirmed: BTreeSet<String>,
}

/// What changed.
#[derive(Debug, PartialEq, Eq)]
pub enum Moved {
    /// It is new or not as it was.
    Put(Box<Instance>),
    /// It is no more, or not meant any more.
    Gone(Box<Instance>),
}

impl Known {
    /// A watch begins: it tells everything again.
    pub fn begin(&mut self) {
        self.unconfirmed = self.instances.keys().cloned().collect();
    }

    /// The instances, by host, provider and name.
    pub fn sorted(&self) -> Vec<&Instance> {
        let mut sorted: Vec<_> = self.instances.values().collect();
        sorted.sort_by(|a, b| {
            let key = |of: &Instance| (of.host_name.clone(), of.provider.clone(), of.name.clone());
            key(a).cmp(&key(b)).then_with(|| a.id.cmp(&b.id))
        });
        sorted
    }

    /// Takes one change; gives what is news.
    pub fn apply(&mut self, change: InstanceChange) -> Vec<Moved> {
        match change {
            InstanceChange::Put(instance) => {
                self.unconfirmed.remove(&instance.id);
                let before = self.instances.insert(instance.id.clone(), (*instance).clone());
                match before.as_ref() == Some(&*instance) {
                    true => Vec::new(),
                    false => vec![Moved::Put(instance)],
                }
            }
            InstanceChange::Gone(id) => self.remove(&id).into_iter().collect(),
            InstanceChange::Snapshotted => {
                let missing = std::mem::take(&mut self.unconfirmed);
                missing.iter().filter_map(|id| self.remove(id)).collect()
            }
        }
    }

    fn remove(&mut self, id: &str) -> Option<Moved> {
        self.unconfirmed.remove(id);
        self.instances.remove(id).map(|instance| Moved::Gone(Box::new(instance)))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub fn instance(host: &str, name: &str, state: &str) -> Instance {
        Instance {
            id: format!("i-{host}-{name}"),
            name: name.to_owned(),
            host: format!("h-{host}"),
            host_name: host.to_owned(),
            host_state: "ready".to_owned(),
            provider: "docker".to_owned(),
            native: "3f4a".to_owned(),
            kind: "container".to_owned(),
            state: state.to_owned(),
            stale: false,
            reason: None,
            image: Some("busybox".to_owned()),
            created_at: None,
            exit_code: None,
            managed: true,
            labels: BTreeMap::new(),
            addresses: Vec::new(),
            ports: Vec::new(),
            told_at: None,
        }
    }

    fn told(known: &mut Known, changes: impl IntoIterator<Item = InstanceChange>) -> Vec<String> {
        let moved = changes.into_iter().flat_map(|change| known.apply(change));
        let words = moved.map(|moved| match moved {
            Moved::Put(instance) => format!("{} {}", instance.full_name(), instance.state),
            Moved::Gone(instance) => format!("{} gone", instance.full_name()),
        });
        words.collect()
    }

    fn put(name: &str, state: &str) -> InstanceChange {
        InstanceChange::Put(Box::new(instance("web", name, state)))
    }

    #[test]
    fn a_watch_that_begins_again_tells_only_news() {
        let mut known = Known::default();
        known.begin();
        let first =
            [put("a", "running"), put("b", "running"), put("c", "running"), put("a", "stopped")];
        assert_eq!(
            told(&mut known, first.into_iter().chain([InstanceChange::Snapshotted])),
            ["web/a running", "web/b running", "web/c running", "web/a stopped"]
        );
        assert_eq!(told(&mut known, [InstanceChange::Gone("i-web-c".into())]), ["web/c gone"]);
        known.begin();
        let again = [put("a", "stopped"), InstanceChange::Snapshotted];
        assert_eq!(told(&mut known, again), ["web/b gone"]);
        assert_eq!(told(&mut known, [InstanceChange::Gone("i-web-b".into())]), [""; 0]);
        assert_eq!(known.sorted().len(), 1);
    }
}
