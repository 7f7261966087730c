//! What is known of every host's picture, in memory: a cache of the `drift/host/` records, and what
//! the open sessions say beyond them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tamer_drift::Digest;
use tamer_model::{HostId, Problem, Timestamp};
use tamer_store::{Entry, Range, Revision, Store};
use tokio::sync::watch;

use super::record::HostRecord;
use crate::state::{Unstorable, decode, keys};

/// Bounded by the fleet: about 1 KiB a host.
#[derive(Clone)]
pub struct Board {
    hosts: Arc<Mutex<BTreeMap<HostId, Known>>>,
    /// Counts what changed, for who looks at all of it.
    changed: watch::Sender<u64>,
}

/// What is known of one host.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The record and its revision. None when no picture of it was ever whole here.
    pub record: Option<(Arc<HostRecord>, Revision)>,
    /// What a look at thousands of hosts asks of the record, at hand: reading each of them costs more
    /// than comparing.
    root: Option<Digest>,
    whole: bool,
    /// The root that the agent spoke of last, in this life of the coordinator.
    pub spoken: Option<Digest>,
    /// When it last said that what is recorded is what it has.
    pub confirmed_at: Option<Timestamp>,
    /// Why its last picture was not taken.
    pub refused: Option<Problem>,
    /// Nodes of what is recorded are damaged or gone.
    pub damaged: bool,
    /// Its agent has connected, and told of no picture since: what is recorded may be long over.
    pub unheard: bool,
    /// When the certificates of a picture end, once somebody has looked: all that a comparison with a
    /// baseline of the same picture reads of it.
    ends: Option<(Digest, Arc<[Timestamp]>)>,
}

/// What a heartbeat says beside what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// What is recorded is what the agent has, or it keeps no inventory.
    Same,
    /// The same, and some of it has to be asked for again.
    Damaged,
    /// It has another picture.
    Other,
}

impl Known {
    /// Its agent has this picture. Says whether that changes what is known.
    fn hear(&mut self, root: Digest) -> bool {
        let news = self.unheard || self.spoken != Some(root);
        (self.unheard, self.spoken) = (false, Some(root));
        news
    }

    /// When the certificates of what is recorded end, if somebody has looked.
    pub fn ends(&self) -> Option<&[Timestamp]> {
        let (root, ends) = self.ends.as_ref()?;
        (self.root() == Some(*root)).then_some(&**ends)
    }

    fn set(&mut self, record: Option<(Arc<HostRecord>, Revision)>) {
        let known = record.as_ref().map(|(record, _)| record);
        self.root = known.map(|record| record.root);
        self.whole = known.is_some_and(|record| record.sources.iter().all(|one| one.complete));
        self.record = record;
    }

    /// The root that is recorded.
    pub const fn root(&self) -> Option<Digest> {
        self.root
    }

    /// Whether every source of what is recorded was seen whole.
    pub const fn is_whole(&self) -> bool {
        self.whole
    }

    /// Why what is recorded may not be what the host holds, if so.
    pub fn doubt(&self) -> Option<String> {
        if let Some(problem) = &self.refused {
            return Some(format!("its last picture was not taken: {}", problem.message));
        }
        if self.damaged {
            return Some("some of its picture is damaged here, and asked for again".to_owned());
        }
        match (self.root(), self.spoken) {
            (None, Some(_)) => Some("its first picture is on its way".to_owned()),
            (Some(root), Some(spoken)) if root != spoken => {
                Some("a newer picture is on its way".to_owned())
            }
            (Some(_), _) if self.unheard => {
                Some("its agent has connected, and told of no picture since".to_owned())
            }
            (Some(_) | None, _) => None,
        }
    }
}

impl Board {
    /// Reads all records.
    pub async fn load(store: &Store) -> Result<Self, Problem> {
        let mut hosts = BTreeMap::<_, Known>::new();
        let mut next = Some(Range::prefix(&keys::inventories()));
        while let Some(range) = next {
            let page = store.range(range).await.map_err(Unstorable::problem)?;
            for entry in &page.entries {
                if let Ok(host) = keys::tail(&entry.key).parse() {
                    hosts.entry(host).or_default().set(Some(read(entry)?));
                }
            }
            next = page.next;
        }
        Ok(Self { hosts: Arc::new(Mutex::new(hosts)), changed: watch::Sender::new(0) })
    }

    /// What is known of one host.
    pub fn get(&self, host: HostId) -> Known {
        self.lock().get(&host).cloned().unwrap_or_default()
    }

    /// Looks at what is known of all of them at one moment. Heartbeats wait meanwhile.
    pub fn with<T>(&self, look: impl FnOnce(&BTreeMap<HostId, Known>) -> T) -> T {
        look(&self.lock())
    }

    /// What is recorded.
    pub fn records(&self) -> BTreeMap<HostId, Arc<HostRecord>> {
        let record =
            |(host, known): (&HostId, &Known)| Some((*host, known.record.as_ref()?.0.clone()));
        self.with(|hosts| hosts.iter().filter_map(record).collect())
    }

    /// The roots that are recorded.
    pub fn roots(&self) -> Vec<(HostId, Digest)> {
        let root = |(host, known): (&HostId, &Known)| Some((*host, known.root()?));
        self.with(|hosts| hosts.iter().filter_map(root).collect())
    }

    /// Its agent connects: until it tells of a picture, nobody knows whether it is the recorded one.
    pub fn met(&self, host: HostId) {
        self.change(host, |known| known.unheard = true);
    }

    /// A heartbeat: compares, and nothing else.
    pub fn beat(&self, host: HostId, root: Option<Digest>, now: Timestamp) -> Beat {
        let Some(root) = root else { return Beat::Same };
        let mut hosts = self.lock();
        let Some(known) = hosts.get_mut(&host) else { return Beat::Other };
        let news = known.hear(root);
        let beat = match known.root() == Some(root) && known.refused.is_none() {
            false => Beat::Other,
            true => {
                known.confirmed_at = Some(now);
                if known.damaged { Beat::Damaged } else { Beat::Same }
            }
        };
        drop(hosts);
        if news {
            self.tell();
        }
        beat
    }

    /// Nodes of these hosts' pictures cannot be read.
    pub fn damage(&self, host: HostId) {
        self.change(host, |known| known.damaged = true);
    }

    /// Somebody has looked when the certificates of a picture end.
    pub fn learn(&self, host: HostId, root: Digest, ends: Arc<[Timestamp]>) {
        if let Some(known) = self.lock().get_mut(&host) {
            known.ends = Some((root, ends));
        }
    }

    /// All of a host's picture was looked at, and is here again.
    pub fn repaired(&self, host: HostId) {
        if self.get(host).damaged {
            self.change(host, |known| known.damaged = false);
        }
    }

    /// The agent told of a picture. An earlier refusal was about another one.
    pub fn speak(&self, host: HostId, root: Digest) {
        let news = {
            let mut hosts = self.lock();
            let known = hosts.entry(host).or_default();
            let refused = known.refused.take().is_some();
            known.hear(root) || refused
        };
        if news {
            self.tell();
        }
    }

    /// Its picture is not taken, and why.
    pub fn refuse(&self, host: HostId, problem: Problem) {
        self.change(host, |known| known.refused = Some(problem));
    }

    /// A record was written. Of its nodes only those that are new were looked at.
    pub fn put(&self, host: HostId, record: HostRecord, at: Revision, now: Timestamp) {
        self.change(host, |known| {
            known.set(Some((Arc::new(record), at)));
            known.confirmed_at = Some(now);
        });
    }

    /// Reads the record of a host again: somebody else wrote it.
    pub async fn refresh(&self, store: &Store, host: HostId) -> Result<Known, Problem> {
        let entry = store.get(&keys::inventory(host)).await.map_err(Unstorable::problem)?;
        let record = entry.as_ref().map(read).transpose()?;
        let known = {
            let mut hosts = self.lock();
            let known = hosts.entry(host).or_default();
            known.set(record);
            known.clone()
        };
        self.tell();
        Ok(known)
    }

    /// Forgets hosts that are not part of the fleet any more.
    pub fn retain(&self, is_member: impl Fn(HostId) -> bool) {
        self.lock().retain(|host, _| is_member(*host));
        self.tell();
    }

    /// Tells of every change by a number that grows.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Something else changed that reports depend on: a baseline, a rule.
    pub fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    fn change(&self, host: HostId, change: impl FnOnce(&mut Known)) {
        change(self.lock().entry(host).or_default());
        self.tell();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<HostId, Known>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(entry: &Entry) -> Result<(Arc<HostRecord>, Revision), Problem> {
    Ok((Arc::new(decode(&entry.key, &entry.value)?), entry.modified))
}
