//! Finding: the list of candidates, kept up to date.

use std::sync::Arc;
use std::time::Duration;

use mdns_sd::{Receiver, ResolvedService, ServiceEvent};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

use crate::daemon::{Daemon, StartError};
use crate::table::{Table, found};
use crate::{Found, Interfaces, Txt, Wanted};

/// How often the daemon's memory is looked at while searching.
const LOOK: Duration = Duration::from_secs(2);
/// How often to ask again while nothing that fits is known. mdns-sd asks after 1, 2, 4 … seconds
/// up to an hour, which is too seldom for a coordinator whose announcement was lost.
const ASK: Duration = Duration::from_secs(60);
/// How long to wait before beginning anew after a flood, so that a flooder gets no busy loop.
const REST: Duration = Duration::from_secs(5);

/// A search that runs until it is stopped or dropped; then its thread and sockets go.
pub struct Browser {
    orders: mpsc::Sender<Order>,
    found: watch::Receiver<Arc<[Found]>>,
    task: JoinHandle<()>,
}

enum Order {
    Refresh,
    Stop,
}

impl Browser {
    /// Starts searching. Must be called inside a tokio runtime.
    pub fn start(interfaces: Interfaces, wanted: Wanted) -> Result<Self, StartError> {
        let source = Some(Source::start(&interfaces)?);
        let (list, found) = watch::channel(Arc::default());
        // One order is enough: a second refresh while one waits adds nothing.
        let (orders, queue) = mpsc::channel(1);
        let (table, since) = (Table::new(wanted), Instant::now());
        let search = Search { interfaces, source, table, list, since };
        Ok(Self { orders, found, task: tokio::spawn(search.run(queue)) })
    }

    /// The candidates of now, what fits first.
    pub fn found(&self) -> Arc<[Found]> {
        self.found.borrow().clone()
    }

    /// The candidates as they change. The channel closes when the search ends.
    pub fn watch(&self) -> watch::Receiver<Arc<[Found]>> {
        self.found.clone()
    }

    /// Forgets every candidate and asks the network again: for when none of them could be
    /// reached.
    pub fn refresh(&self) {
        // Full means that an order waits already; closed, that the search has ended.
        let _ = self.orders.try_send(Order::Refresh);
    }

    /// Stops searching and waits until the thread and its sockets are gone.
    pub async fn stop(self) {
        let _ = self.orders.send(Order::Stop).await;
        let _ = self.task.await;
    }
}

struct Search {
    interfaces: Interfaces,
    /// `None` while it rests after a flood.
    source: Option<Source>,
    table: Table,
    list: watch::Sender<Arc<[Found]>>,
    /// When the network was last asked, or the rest began.
    since: Instant,
}

/// A daemon and what it hears.
struct Source {
    daemon: Daemon,
    events: Receiver<ServiceEvent>,
}

impl Source {
    fn start(interfaces: &Interfaces) -> Result<Self, StartError> {
        let daemon = Daemon::start(interfaces)?;
        let events = daemon.browse()?;
        Ok(Self { daemon, events })
    }
}

impl Search {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Every branch is cancel-safe: two channels that lose nothing, and a timer. What
            // follows a branch is awaited inside it and not cancelled.
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Refresh) => self.refresh(),
                    Some(Order::Stop) => return self.stop().await,
                    // The handle was dropped: so is the daemon.
                    None => return,
                },
                event = next(&self.source) => match event {
                    Some(event) => self.hear(event),
                    // The queue of a thousand events was full, or the thread is gone.
                    None => self.rest(),
                },
                _ = look.tick() => self.look().await,
            }
        }
    }

    fn hear(&mut self, event: ServiceEvent) {
        let changed = match event {
            ServiceEvent::ServiceResolved(service) => self.resolved(&service),
            ServiceEvent::ServiceRemoved(_, instance) => self.table.remove(&instance),
            _ => false,
        };
        if changed {
            self.publish();
        }
    }

    fn resolved(&mut self, service: &ResolvedService) -> bool {
        let instance = service.get_fullname();
        match Txt::from_values(|key| service.get_property_val(key).flatten()) {
            Ok(txt) => self.table.insert(instance, found(txt, service)),
            Err(error) => {
                tracing::debug!(instance, %error, "somebody's service is not a coordinator's");
                self.table.remove(instance)
            }
        }
    }

    async fn look(&mut self) {
        match &self.source {
            None if self.since.elapsed() >= REST => self.begin_anew(),
            None => {}
            Some(source) if source.daemon.is_flooded().await => self.rest(),
            Some(_) if !self.table.has_fit() && self.since.elapsed() >= ASK => {
                self.ask(Daemon::browse);
            }
            Some(_) => {}
        }
    }

    fn refresh(&mut self) {
        self.table.clear();
        self.publish();
        self.ask(Daemon::browse_afresh);
    }

    fn ask(&mut self, ask: fn(&Daemon) -> Result<Receiver<ServiceEvent>, StartError>) {
        let Some(source) = &mut self.source else { return };
        match ask(&source.daemon) {
            Ok(events) => {
                source.events = events;
                self.since = Instant::now();
            }
            Err(_) => self.rest(),
        }
    }

    /// Ends the daemon with all that strangers told it. The table stays: it is bounded, and its
    /// entries are candidates still.
    fn rest(&mut self) {
        tracing::debug!("mDNS was flooded or ended, and is begun anew after a rest");
        self.source = None;
        self.since = Instant::now();
    }

    fn begin_anew(&mut self) {
        self.since = Instant::now();
        match Source::start(&self.interfaces) {
            Ok(source) => self.source = Some(source),
            Err(error) => tracing::debug!(?error, "mDNS cannot be begun anew yet"),
        }
    }

    async fn stop(self) {
        if let Some(source) = self.source {
            source.daemon.stop().await;
        }
    }

    fn publish(&self) {
        self.list.send_replace(self.table.list());
    }
}

/// The next event; never, while there is no source. `None` when the source ended.
async fn next(source: &Option<Source>) -> Option<ServiceEvent> {
    match source {
        Some(source) => source.events.recv_async().await.ok(),
        None => std::future::pending().await,
    }
}
