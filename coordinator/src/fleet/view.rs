//! What the cache holds, and how one record changes it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use tamer_model::{
    Availability, Code, Fingerprint, FleetInstance, Host, HostId, HostName, HostState, HostStatus,
    InstanceId, Problem, ProviderName, ProviderStatus, Selector, TokenId,
};
use tamer_store::{Change, Entry, Key, Revision};

use crate::state::{PendingHost, Revoked, TokenRecord, decode};

/// The fleet at one revision.
#[derive(Default)]
pub struct View {
    hosts: BTreeMap<HostId, Member>,
    names: HashMap<HostName, HostId>,
    keys: HashMap<Fingerprint, HostId>,
    tokens: BTreeMap<TokenId, (TokenRecord, Revision)>,
    pending: BTreeMap<Fingerprint, (PendingHost, Revision)>,
    revoked: HashMap<HostId, Revoked>,
    revoked_keys: HashSet<Fingerprint>,
    instances: HashMap<InstanceId, Placed>,
    by_host: HashMap<HostId, OnHost>,
}

/// An instance, and the revision of its record.
#[derive(Debug, Clone)]
pub struct Placed {
    pub instance: FleetInstance,
    pub at: Revision,
}

/// What is known of what a host runs.
#[derive(Debug, Default)]
struct OnHost {
    instances: BTreeSet<InstanceId>,
    providers: Vec<ProviderStatus>,
}

/// A host with its state, and the revisions of both records for preconditions.
#[derive(Debug, Clone)]
pub struct Member {
    pub host: Host,
    pub host_at: Revision,
    pub status: HostStatus,
    pub status_at: Revision,
}

impl View {
    pub fn host(&self, id: HostId) -> Option<&Member> {
        self.hosts.get(&id)
    }

    pub fn hosts(&self) -> impl Iterator<Item = &Member> {
        self.hosts.values()
    }

    pub fn tokens(&self) -> impl Iterator<Item = (TokenId, &TokenRecord)> {
        self.tokens.iter().map(|(id, (token, _))| (*id, token))
    }

    pub fn token(&self, id: TokenId) -> Option<&(TokenRecord, Revision)> {
        self.tokens.get(&id)
    }

    pub fn pending(&self) -> impl ExactSizeIterator<Item = &(PendingHost, Revision)> {
        self.pending.values()
    }

    pub fn pending_by_key(&self, key: &Fingerprint) -> Option<&(PendingHost, Revision)> {
        self.pending.get(key)
    }

    pub fn is_taken(&self, name: &HostName) -> bool {
        self.names.contains_key(name)
    }

    /// The host whose current or next key this is.
    pub fn host_by_key(&self, key: &Fingerprint) -> Option<&Member> {
        self.hosts.get(self.keys.get(key)?)
    }

    pub fn is_revoked_key(&self, key: &Fingerprint) -> bool {
        self.revoked_keys.contains(key)
    }

    pub fn revoked_hosts(&self) -> impl Iterator<Item = HostId> {
        self.revoked.keys().copied()
    }

    /// The host that a person means by a name or id.
    pub fn find(&self, text: &str) -> Result<&Member, Problem> {
        let by_id = || text.parse().ok().and_then(|id: HostId| self.hosts.get(&id));
        let by_name =
            || text.parse().ok().and_then(|name: HostName| self.hosts.get(self.names.get(&name)?));
        by_id().or_else(by_name).ok_or_else(|| {
            Problem::new(Code::NotFound, format!("no host is called {text:?}"))
                .on("host")
                .remedy("`tamerctl host ls` lists the hosts")
        })
    }

    /// The pending host that a person means by a name or id.
    pub fn find_pending(&self, text: &str) -> Result<&(PendingHost, Revision), Problem> {
        let mut found = self
            .pending
            .values()
            .filter(|(p, _)| p.id.to_string() == text || p.name.as_str() == text);
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one),
            (Some(_), Some(_)) => Err(Problem::new(
                Code::Ambiguous,
                format!("more than one host that waits is called {text:?}"),
            )
            .on("host")
            .remedy("use the id that `tamerctl host ls` shows")),
            _ => Err(Problem::new(
                Code::NotFound,
                format!("no host that waits for approval is called {text:?}"),
            )
            .on("host")
            .remedy("`tamerctl host ls` shows the pending ones")),
        }
    }

    /// The hosts that a selector names, by name.
    pub fn select(&self, selector: &Selector) -> Vec<&Member> {
        let mut found: Vec<_> =
            self.hosts().filter(|m| selector.matches(&(&m.host, m.status.state))).collect();
        found.sort_by(|a, b| a.host.name.cmp(&b.host.name));
        found
    }

    /// Every instance.
    pub fn instances(&self) -> impl Iterator<Item = &Placed> {
        self.instances.values()
    }

    /// One instance.
    pub fn instance(&self, id: InstanceId) -> Option<&Placed> {
        self.instances.get(&id)
    }

    /// The instances of a host.
    pub fn instances_of(&self, host: HostId) -> impl Iterator<Item = &Placed> {
        let ids = self.by_host.get(&host).into_iter().flat_map(|on_host| &on_host.instances);
        ids.filter_map(|id| self.instances.get(id))
    }

    /// How many instances a host has.
    pub fn count_instances(&self, host: HostId) -> usize {
        self.by_host.get(&host).map_or(0, |on_host| on_host.instances.len())
    }

    /// What the providers of a host said last.
    pub fn providers(&self, host: HostId) -> &[ProviderStatus] {
        self.by_host.get(&host).map_or(&[], |on_host| &on_host.providers)
    }

    /// Whether what is known of a host's provider is only what was last known: the host is lost,
    /// or the provider's technology does not answer.
    pub fn is_stale(&self, host: HostId, provider: &ProviderName) -> bool {
        let ready = self.host(host).is_some_and(|member| member.status.state == HostState::Ready);
        let available = self.providers(host).iter().any(|status| {
            status.name == *provider
                && matches!(status.availability, Availability::Available { .. })
        });
        !ready || !available
    }

    /// How many hosts are ready, and how many lost.
    pub fn count(&self, state: HostState) -> usize {
        self.hosts.values().filter(|member| member.status.state == state).count()
    }

    /// Takes in one change of a record.
    pub fn apply(&mut self, change: &Change) -> Result<(), Problem> {
        match change {
            Change::Put(entry) => self.put(entry),
            Change::Delete(key) => {
                self.delete(key);
                Ok(())
            }
        }
    }

    fn put(&mut self, entry: &Entry) -> Result<(), Problem> {
        let Some((kind, id)) = split(&entry.key) else { return Ok(()) };
        let (key, value, at) = (&entry.key, &entry.value, entry.modified);
        match kind {
            "host" => self.put_host(decode(key, value)?, at),
            "status" => {
                if let Some(member) = id.parse().ok().and_then(|id: HostId| self.hosts.get_mut(&id))
                {
                    member.status = decode(key, value)?;
                    member.status_at = at;
                }
            }
            "token" => {
                if let Ok(id) = id.parse() {
                    self.tokens.insert(id, (decode(key, value)?, at));
                }
            }
            "pending" => {
                let pending: PendingHost = decode(key, value)?;
                self.pending.insert(pending.key, (pending, at));
            }
            "revoked" => {
                if let Ok(id) = id.parse() {
                    let revoked: Revoked = decode(key, value)?;
                    self.revoked_keys.extend(revoked.keys.iter().map(|credential| credential.key));
                    self.revoked.insert(id, revoked);
                }
            }
            "instance" => {
                let instance: FleetInstance = decode(key, value)?;
                if !self.hosts.contains_key(&instance.host) {
                    // Written while its host was removed.
                    return Ok(());
                }
                self.by_host.entry(instance.host).or_default().instances.insert(instance.id);
                self.instances.insert(instance.id, Placed { instance, at });
            }
            "providers" => {
                if let Ok(host) = id.parse() {
                    self.by_host.entry(host).or_default().providers = decode(key, value)?;
                }
            }
            // Names are an index for the store's sake; the cache has its own.
            _ => {}
        }
        Ok(())
    }

    fn put_host(&mut self, host: Host, at: Revision) {
        let old = self.forget_index(host.id);
        self.names.insert(host.name.clone(), host.id);
        self.keys.insert(host.key, host.id);
        self.keys.extend(host.next_key.map(|key| (key, host.id)));
        let (status, status_at) = match old {
            Some(old) => (old.status, old.status_at),
            // Both records come in one commit, the status after the host by the order of keys.
            None => (unheard(&host), Revision::ZERO),
        };
        self.hosts.insert(host.id, Member { host, host_at: at, status, status_at });
    }

    fn forget_index(&mut self, id: HostId) -> Option<Member> {
        let old = self.hosts.remove(&id)?;
        self.names.remove(&old.host.name);
        self.keys.remove(&old.host.key);
        old.host.next_key.map(|key| self.keys.remove(&key));
        Some(old)
    }

    fn delete(&mut self, key: &Key) {
        let Some((kind, id)) = split(key) else { return };
        match kind {
            "host" => {
                if let Ok(id) = id.parse() {
                    self.forget_index(id);
                    // Its instances went with it; their records are swept away later.
                    let on_host = self.by_host.remove(&id).unwrap_or_default();
                    on_host.instances.iter().for_each(|id| drop(self.instances.remove(id)));
                }
            }
            "instance" => {
                let gone = id.rsplit('/').next().and_then(|id| id.parse().ok());
                let gone = gone.and_then(|id: InstanceId| self.instances.remove(&id));
                if let Some(gone) = gone
                    && let Some(on_host) = self.by_host.get_mut(&gone.instance.host)
                {
                    on_host.instances.remove(&gone.instance.id);
                }
            }
            "providers" => {
                if let Some(on_host) = id.parse().ok().and_then(|id| self.by_host.get_mut(&id)) {
                    on_host.providers = Vec::new();
                }
            }
            "token" => {
                id.parse().ok().and_then(|id: TokenId| self.tokens.remove(&id));
            }
            "pending" => {
                id.parse().ok().and_then(|key: Fingerprint| self.pending.remove(&key));
            }
            "revoked" => {
                let gone = id.parse().ok().and_then(|id: HostId| self.revoked.remove(&id));
                for credential in gone.iter().flat_map(|revoked| &revoked.keys) {
                    self.revoked_keys.remove(&credential.key);
                }
            }
            _ => {}
        }
    }
}

fn split(key: &Key) -> Option<(&str, &str)> {
    key.as_text()?.strip_prefix("fleet/")?.split_once('/')
}

fn unheard(host: &Host) -> HostStatus {
    HostStatus {
        state: HostState::Lost,
        since: host.joined_at,
        last_seen: host.joined_at,
        peer: String::new(),
        journal: None,
    }
}
