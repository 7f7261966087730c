//! What keeps a provider honest, the same for all of them: whether its technology is there, a view
//! of its instances, and bounds and time limits around every call.
//!
//! [`Supervised`] is what the agent uses in place of the provider; it is a [`Provider`] itself and
//! cheap to clone. [`Keeper`] is the one task behind it: it probes, reads events, and keeps the
//! view. A technology that hangs or dies makes its own provider unavailable and nothing else.

mod backoff;
mod call;
mod contract;
mod dirty;
mod gate;
mod joined;
mod keeper;
mod serve;
mod settings;
mod view;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tamer_model::{
    Availability, Capabilities, Instance, NativeId, Problem, ProviderStatus, Resource,
};
use tokio::sync::{Notify, Semaphore, watch};

pub use keeper::Keeper;
pub use settings::Settings;
pub use view::{Delta, View};

use crate::{Fault, FaultKind, Image, Probe, Provider, Result};
use dirty::Dirty;
use gate::Gate;
use joined::Joined;

/// A provider with everything around it. Clones are the same one.
#[derive(Clone)]
pub struct Supervised(Arc<Shared>);

/// What the handles and the keeper share.
struct Shared {
    provider: Arc<dyn Provider>,
    settings: Settings,
    status: watch::Sender<ProviderStatus>,
    view: View,
    /// Turns for everything but what is joined, of which one is under way at a time, and what the
    /// keeper asks, which has bounds of its own: a crowd of callers must not keep it from seeing.
    gate: Gate,
    /// One permit for each command, log and event stream under way.
    streams: Arc<Semaphore>,
    /// Instances that the keeper must look at.
    dirty: Dirty,
    /// A call found nobody there: the keeper checks at once.
    suspect: Notify,
    probes: Joined<Probe>,
    lists: Joined<Arc<[Arc<Instance>]>>,
    images: Joined<Vec<Image>>,
    scans: Joined<Vec<Resource>>,
}

impl Supervised {
    /// Puts a provider under supervision. Nothing is asked of it, and every call is refused, until
    /// the keeper runs and the technology has answered.
    pub fn new(provider: Arc<dyn Provider>, settings: Settings) -> (Self, Keeper) {
        let name = provider.name().clone();
        let why = Fault::new(FaultKind::Unavailable, format!("{name} has not answered yet"));
        let status = ProviderStatus {
            name,
            availability: Availability::Unavailable(why.into()),
            capabilities: Capabilities::new(),
        };
        let shared = Arc::new(Shared {
            provider,
            status: watch::Sender::new(status),
            view: View::new(),
            gate: Gate::new(settings.calls, settings.waiting),
            streams: Arc::new(Semaphore::new(settings.streams)),
            dirty: Dirty::default(),
            suspect: Notify::new(),
            probes: Joined::default(),
            lists: Joined::default(),
            images: Joined::default(),
            scans: Joined::default(),
            settings,
        });
        (Self(shared.clone()), Keeper::new(shared))
    }

    /// Whether its technology is there and what it can do, as it changes.
    pub fn status(&self) -> watch::Receiver<ProviderStatus> {
        self.0.status.subscribe()
    }

    /// Its instances as last seen. While the technology is away the last view stays as it is.
    pub fn view(&self) -> &View {
        &self.0.view
    }
}

impl std::fmt::Debug for Supervised {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Supervised").field(&*self.0.status.borrow()).finish()
    }
}

impl Shared {
    /// The technology answered.
    fn here(&self, probe: Probe) {
        let Probe { version, endpoint, capabilities } = probe;
        let availability = Availability::Available { version, endpoint };
        self.status.send_if_modified(|status| {
            if status.availability == availability && status.capabilities == capabilities {
                return false;
            }
            status.availability = availability;
            status.capabilities = capabilities;
            true
        });
    }

    /// The technology is not there. What it can do stays as last told.
    fn away(&self, why: Fault) {
        let availability = Availability::Unavailable(why.into());
        self.status.send_if_modified(|status| {
            let changed = status.availability != availability;
            status.availability = availability;
            changed
        });
    }

    /// The fault of whoever asks while the technology is away.
    fn refusal(status: &ProviderStatus) -> Option<Fault> {
        match &status.availability {
            Availability::Available { .. } => None,
            Availability::Unavailable(problem) => Some(unavailable(problem)),
        }
    }

    /// Reads all instances, together with whoever asks at the same time, into the view.
    fn list(self: &Arc<Self>) -> BoxFuture<'static, Result<Arc<[Arc<Instance>]>>> {
        let shared = self.clone();
        let read = async move {
            let limit = Some(shared.settings.list);
            let began = shared.view.ticket();
            let list = shared.timed("list", limit, shared.provider.list()).await?;
            let list: Arc<[_]> = list.into_iter().map(Arc::new).collect();
            shared.view.put_all(began, &list);
            Ok(list)
        };
        self.lists.join(read)
    }

    /// Reads one instance into the view.
    async fn look(&self, id: &NativeId) -> Result<Arc<Instance>> {
        let limit = Some(self.settings.look);
        let began = self.view.ticket();
        match self.timed("get", limit, self.provider.get(id)).await {
            Ok(instance) => {
                let instance = Arc::new(instance);
                // Told under the id that the technology uses, which may be longer than the one
                // that was asked for.
                self.view.put(began, instance.clone());
                Ok(instance)
            }
            Err(fault) => {
                if fault.kind == FaultKind::NotFound {
                    self.view.gone(began, id);
                }
                Err(fault)
            }
        }
    }
}

fn unavailable(problem: &Problem) -> Fault {
    let fault = Fault::new(FaultKind::Unavailable, problem.message.clone());
    match &problem.remedy {
        Some(remedy) => fault.remedy(remedy.clone()),
        None => fault,
    }
}
