//! What a session tells of providers and their instances: everything first, then what changes.
//!
//! Nothing is queued here. When there is room for a message, each view is asked what changed since
//! it was last told; so a coordinator that reads slowly is told less often, not more at once.
//!
//! Ends of tasks come through here too: before an end is told, what changed by then is. So whoever
//! hears that a stop succeeded sees the instance stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::{FutureExt, select_all};
use prost::Message as _;
use tamer_model::{Availability, Instance, NativeId, ProviderName, ProviderStatus};
use tamer_proto::wire;
use tamer_provider::registry::Registry;
use tamer_provider::supervise::{Delta, Supervised};
use tokio::sync::{mpsc, watch};
use wire::agent_message::Message;

/// The pause after a change was told: the first is told at once, those that follow it gather.
const PAUSE: Duration = Duration::from_millis(100);
/// The most instances of one message.
const MOST: usize = 200;
/// The most bytes of instances in one message.
const BYTES: usize = 250 * 1024;

/// The session is over.
struct Over;

/// Tells until the session is over. Each of `ends` is passed on after what changed before it;
/// `passed` counts them.
pub async fn tell(
    providers: Registry,
    out: mpsc::Sender<wire::AgentMessage>,
    ends: mpsc::Receiver<wire::AgentMessage>,
    passed: Arc<AtomicU64>,
) {
    let watched = providers.iter().map(Watched::new).collect();
    let (Ok(()) | Err(Over)) = (Teller { watched, out, ends, passed }).run().await;
}

struct Teller {
    watched: Vec<Watched>,
    out: mpsc::Sender<wire::AgentMessage>,
    ends: mpsc::Receiver<wire::AgentMessage>,
    passed: Arc<AtomicU64>,
}

/// One provider, and what was told of it.
struct Watched {
    provider: Supervised,
    status: watch::Receiver<ProviderStatus>,
    revision: watch::Receiver<u64>,
    /// What was last told of it.
    shown: ProviderStatus,
    /// Whether its technology was there then.
    here: bool,
    /// The revision that was told; 0 when everything is to be told.
    told: u64,
}

impl Teller {
    async fn run(mut self) -> Result<(), Over> {
        self.tell_providers().await?;
        loop {
            for at in 0..self.watched.len() {
                self.tell_instances(at).await?;
            }
            let end = self.wait().await?;
            if self.watched.iter().any(|watched| *watched.status.borrow() != watched.shown) {
                self.tell_providers().await?;
            }
            if let Some(end) = end {
                for at in 0..self.watched.len() {
                    self.tell_instances(at).await?;
                }
                self.out.send(end).await.map_err(|_| Over)?;
                self.passed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Waits a moment, and then until something changes; or until there is an end to tell, which
    /// does not wait.
    async fn wait(&mut self) -> Result<Option<wire::AgentMessage>, Over> {
        let changes: Vec<_> =
            self.watched.iter_mut().map(|watched| watched.changed().boxed()).collect();
        let some = async {
            tokio::time::sleep(PAUSE).await;
            match changes.len() {
                0 => std::future::pending().await,
                _ => drop(select_all(changes).await),
            }
        };
        // Cancel-safe: a change that was seen and not acted on is found by the look that follows
        // every wait, a queue keeps what was not taken, and one is only asked whether it is closed.
        tokio::select! {
            biased;
            () = self.out.closed() => Err(Over),
            Some(end) = self.ends.recv() => Ok(Some(end)),
            () = some => Ok(None),
        }
    }

    async fn tell_providers(&mut self) -> Result<(), Over> {
        let providers = self.watched.iter_mut().map(|watched| watched.look().into()).collect();
        self.send(Message::Providers(wire::Providers { providers })).await
    }

    async fn tell_instances(&mut self, at: usize) -> Result<(), Over> {
        let watched = &mut self.watched[at];
        watched.revision.mark_unchanged();
        if !watched.here {
            // What it ran is not known to have gone, and what it runs is not known.
            return Ok(());
        }
        let Some(delta) = watched.provider.view().since(watched.told) else { return Ok(()) };
        if delta.revision == watched.told {
            return Ok(());
        }
        watched.told = delta.revision;
        if !delta.whole && delta.put.is_empty() && delta.gone.is_empty() {
            return Ok(());
        }
        for page in pages(watched.shown.name.clone(), delta) {
            self.send(Message::Instances(page)).await?;
        }
        Ok(())
    }

    async fn send(&self, message: Message) -> Result<(), Over> {
        let message = wire::AgentMessage { message: Some(message) };
        self.out.send(message).await.map_err(|_| Over)
    }
}

impl Watched {
    fn new(provider: &Supervised) -> Self {
        let (status, revision) = (provider.status(), provider.view().revision());
        let shown = status.borrow().clone();
        Self { provider: provider.clone(), status, revision, shown, here: false, told: 0 }
    }

    /// Its status; when it has come back, everything is to be told anew.
    fn look(&mut self) -> ProviderStatus {
        let status = self.status.borrow_and_update().clone();
        let here = matches!(status.availability, Availability::Available { .. });
        if here && !self.here {
            self.told = 0;
        }
        self.here = here;
        self.shown.clone_from(&status);
        status
    }

    /// Waits for news. Whoever could bring them lives as long as the provider, which is held here.
    async fn changed(&mut self) {
        tokio::select! {
            biased;
            _ = self.status.changed() => {}
            _ = self.revision.changed() => {}
        }
    }
}

/// Divides what changed into messages; the last of a whole list is complete.
fn pages(provider: ProviderName, delta: Delta) -> impl Iterator<Item = wire::InstancesChanged> {
    let Delta { whole, put, gone, revision: _ } = delta;
    let mut put: std::vec::IntoIter<Arc<Instance>> = put.into_iter();
    let mut gone: std::vec::IntoIter<NativeId> = gone.into_iter();
    // Taken from the view and not told yet.
    let mut next: Option<wire::Instance> = None;
    let mut begins = whole;
    let mut over = false;
    std::iter::from_fn(move || {
        if over {
            return None;
        }
        let mut page = wire::InstancesChanged {
            provider: provider.to_string(),
            begins,
            ..wire::InstancesChanged::default()
        };
        begins = false;
        let mut bytes = 0;
        while page.put.len() < MOST
            && let Some(instance) = next.take().or_else(|| put.next().map(|put| wired(&put)))
        {
            bytes += instance.encoded_len();
            if bytes > BYTES && !page.put.is_empty() {
                next = Some(instance);
                break;
            }
            page.put.push(instance);
        }
        let room = MOST - page.put.len();
        if next.is_none() && put.len() == 0 {
            page.gone.extend(gone.by_ref().take(room).map(String::from));
        }
        over = next.is_none() && put.len() == 0 && gone.len() == 0;
        page.complete = whole && over;
        Some(page)
    })
}

/// One instance on the wire. What a technology lets people write into labels has no bound; the
/// rest of an instance does.
fn wired(instance: &Instance) -> wire::Instance {
    let told = wire::Instance::from(instance.clone());
    if told.encoded_len() <= BYTES {
        return told;
    }
    tracing::debug!(instance = %instance.native, "labels that are too long are not told");
    wire::Instance { labels: Default::default(), ..told }
}

#[cfg(test)]
mod tests {
    use tamer_model::{InstanceKind, InstanceState};

    use super::*;

    fn instance(number: usize, label: usize) -> Arc<Instance> {
        Arc::new(Instance {
            native: format!("{number:08}").parse().expect("an id"),
            name: format!("n{number}").parse().expect("a name"),
            kind: InstanceKind::Container,
            state: InstanceState::Running,
            reason: None,
            image: None,
            created_at: None,
            exit_code: None,
            managed: false,
            labels: [("l".to_owned(), "x".repeat(label))].into(),
            addresses: Vec::new(),
            ports: Vec::new(),
        })
    }

    /// Each page as `put+gone`, with `[` where a list begins and `]` where it is complete.
    fn shape(delta: Delta) -> Vec<String> {
        let shape = |page: wire::InstancesChanged| {
            assert!(page.encoded_len() <= 256 * 1024, "{}", page.encoded_len());
            let begins = if page.begins { "[" } else { "" };
            let complete = if page.complete { "]" } else { "" };
            format!("{begins}{}+{}{complete}", page.put.len(), page.gone.len())
        };
        pages("p".parse().expect("a name"), delta).map(shape).collect()
    }

    fn delta(whole: bool, put: Vec<Arc<Instance>>, gone: usize) -> Delta {
        let gone = (0..gone).map(|number| format!("g{number}").parse().expect("an id")).collect();
        Delta { whole, put, gone, revision: 1 }
    }

    #[test]
    fn a_whole_list_begins_and_is_complete() {
        let some = |count| (0..count).map(|number| instance(number, 0)).collect();
        assert_eq!(shape(delta(true, some(0), 0)), ["[0+0]"]);
        assert_eq!(shape(delta(true, some(1), 0)), ["[1+0]"]);
        assert_eq!(shape(delta(true, some(200), 0)), ["[200+0]"]);
        assert_eq!(shape(delta(true, some(450), 0)), ["[200+0", "200+0", "50+0]"]);
        assert_eq!(shape(delta(false, some(1), 1)), ["1+1"]);
        assert_eq!(shape(delta(false, some(199), 300)), ["199+1", "0+200", "0+99"]);
        assert_eq!(shape(delta(false, some(200), 1)), ["200+0", "0+1"]);
    }

    #[test]
    fn no_message_is_longer_than_it_may_be() {
        let long = |label| (0..5).map(|number| instance(number, label)).collect();
        assert_eq!(shape(delta(true, long(100_000), 0)), ["[2+0", "2+0", "1+0]"]);
        // Labels that fit into no message are left out; the instance is told.
        assert_eq!(shape(delta(true, long(1 << 20), 0)), ["[5+0]"]);
    }
}
