//! What a check works with: the provider, names of its own, waits with a limit.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tamer_model::{
    Ability, Capabilities, Instance, InstanceName, InstanceSpec, InstanceState, NativeId, Operation,
};
use tokio::time::{Instant, sleep, timeout};

use super::Subject;
use crate::{Fault, FaultKind, Options, ProgressSink, Provider};

/// How often a condition is looked at again.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Why a check did not pass.
#[derive(Debug)]
pub(super) enum Unmet {
    /// It cannot be asked of this technology.
    Skipped(String),
    /// It failed.
    Failed(String),
}

pub(super) type Outcome<T = ()> = Result<T, Unmet>;

/// One check.
pub(super) struct Case {
    /// Its name, family first.
    pub name: &'static str,
    /// The operations without which it says nothing.
    pub needs: &'static [Operation],
    /// The check itself.
    pub check: for<'a> fn(&'a Bench<'a>) -> BoxFuture<'a, Outcome>,
}

/// The checks of a family: name, what it needs, and the function.
macro_rules! cases {
    ($($name:literal, $needs:expr, $check:ident;)*) => {
        pub(super) const CASES: &[Case] = &[$(Case {
            name: $name,
            needs: $needs,
            check: |bench| Box::pin($check(bench)),
        }),*];
    };
}
pub(super) use cases;

/// What a check works with.
pub(super) struct Bench<'s> {
    pub subject: &'s dyn Subject,
    pub provider: Arc<dyn Provider>,
    pub can: Capabilities,
    /// All names of this run begin with it, so that it removes its own and nothing else.
    prefix: String,
}

impl<'s> Bench<'s> {
    /// Asks the technology what it can do.
    pub async fn new(subject: &'s dyn Subject) -> Outcome<Self> {
        let provider = subject.provider();
        let can = within("probe", subject.patience(), provider.probe()).await??.capabilities;
        let prefix = format!("tamer-{:06x}-", fastrand::u32(..1 << 24));
        Ok(Self { subject, provider, can, prefix })
    }

    /// Why an operation cannot be had, if so.
    pub fn cannot(&self, operation: Operation) -> Option<String> {
        match self.can.get(&operation) {
            Some(Ability::Yes) => None,
            Some(Ability::No(why) | Ability::NotNow(why)) => Some(format!("{operation}: {why}")),
            None => Some(format!("{operation}: not told")),
        }
    }

    pub fn can(&self, operation: Operation) -> bool {
        self.cannot(operation).is_none()
    }

    /// A name of this run.
    pub fn name(&self, stem: &str) -> InstanceName {
        format!("{}{stem}", self.prefix).parse().expect("prefix and stem are short and plain")
    }

    /// Creates an instance as the agent does: validated, its options checked.
    pub async fn create(&self, spec: InstanceSpec) -> Result<NativeId, Fault> {
        let spec = spec.validate()?;
        Options::check(&spec.options, self.provider.options())?;
        self.provider.create(&spec, &ProgressSink::none()).await
    }

    /// An idle instance that was made and not started.
    pub async fn made(&self, stem: &str) -> Outcome<NativeId> {
        let spec = self.subject.idle(self.name(stem));
        within("create", self.subject.patience(), self.create(spec)).await?.map_err(Unmet::from)
    }

    /// An idle instance that runs and is ready.
    pub async fn running(&self, stem: &str) -> Outcome<NativeId> {
        let id = self.made(stem).await?;
        self.start(&id).await?;
        Ok(id)
    }

    /// An instance of this spec that runs and is ready.
    pub async fn running_as(&self, spec: InstanceSpec) -> Outcome<NativeId> {
        let id = within("create", self.subject.patience(), self.create(spec)).await??;
        self.start(&id).await?;
        Ok(id)
    }

    /// Starts it and waits until it is ready.
    pub async fn start(&self, id: &NativeId) -> Outcome {
        within("start", self.subject.patience(), self.provider.start(id)).await??;
        within("getting ready", self.subject.patience(), self.subject.ready(id)).await??;
        Ok(())
    }

    pub async fn get(&self, id: &NativeId) -> Outcome<Instance> {
        within("get", self.subject.patience(), self.provider.get(id)).await?.map_err(Unmet::from)
    }

    pub async fn list(&self) -> Outcome<Vec<Instance>> {
        within("list", self.subject.patience(), self.provider.list()).await?.map_err(Unmet::from)
    }

    /// The instances of this run, by id.
    pub async fn ours(&self) -> Outcome<Vec<Instance>> {
        let mut ours = self.list().await?;
        ours.retain(|instance| instance.name.as_str().starts_with(&self.prefix));
        ours.sort_by(|a, b| a.native.cmp(&b.native));
        Ok(ours)
    }

    /// Waits until it is in this state.
    pub async fn state(&self, id: &NativeId, wanted: InstanceState) -> Outcome<Instance> {
        let deadline = Instant::now() + self.subject.patience();
        loop {
            let seen = self.get(id).await?;
            if seen.state == wanted {
                return Ok(seen);
            }
            if Instant::now() > deadline {
                return fail(format!("waited for {wanted}, last saw {seen:?}"));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Removes every instance of this run, whatever it does.
    pub async fn clean(&self) -> Outcome {
        let patience = self.subject.patience();
        let mut left = self.ours().await?;
        // A check that was cut off may still make something: look again until nothing is there.
        for _ in 0..5 {
            if left.is_empty() {
                return Ok(());
            }
            for instance in &left {
                match within("remove", patience, self.provider.remove(&instance.native, true))
                    .await?
                {
                    Ok(()) => {}
                    Err(fault) if fault.kind == FaultKind::NotFound => {}
                    Err(fault) if fault.kind == FaultKind::Conflict => sleep(LOOK_EVERY).await,
                    Err(fault) => return Err(fault.into()),
                }
            }
            left = self.ours().await?;
        }
        if left.is_empty() { Ok(()) } else { fail(format!("cannot be removed: {left:?}")) }
    }
}

/// The value, unless it takes longer than this.
pub(super) async fn within<T>(
    what: &str,
    limit: Duration,
    work: impl Future<Output = T>,
) -> Outcome<T> {
    match timeout(limit, work).await {
        Ok(value) => Ok(value),
        Err(_) => fail(format!("{what}: not done after {limit:?}")),
    }
}

/// Looks again and again until there is something.
pub(super) async fn until<T, F: Future<Output = Outcome<Result<T, String>>>>(
    what: &str,
    limit: Duration,
    look: impl Fn() -> F,
) -> Outcome<T> {
    let deadline = Instant::now() + limit;
    loop {
        match look().await? {
            Ok(value) => return Ok(value),
            Err(seen) if Instant::now() > deadline => {
                return fail(format!("{what}: not within {limit:?}; last saw {seen}"));
            }
            Err(_) => sleep(LOOK_EVERY).await,
        }
    }
}

pub(super) fn fail<T>(why: impl Into<String>) -> Outcome<T> {
    Err(Unmet::Failed(why.into()))
}

pub(super) fn skip<T>(why: impl Into<String>) -> Outcome<T> {
    Err(Unmet::Skipped(why.into()))
}

/// Fails unless both are the same.
pub(super) fn same<T: PartialEq + std::fmt::Debug>(what: &str, seen: T, wanted: T) -> Outcome {
    if seen == wanted {
        return Ok(());
    }
    fail(format!("{what}: saw {seen:?}, wanted {wanted:?}"))
}

pub(super) fn holds(what: &str, holds: bool) -> Outcome {
    if holds { Ok(()) } else { fail(what) }
}

/// Fails unless it was refused in this way.
pub(super) fn refused<T>(what: &str, seen: Result<T, Fault>, wanted: FaultKind) -> Outcome<Fault> {
    match seen {
        Err(fault) if fault.kind == wanted => Ok(fault),
        Err(fault) => fail(format!("{what}: wanted {wanted:?}, saw {fault:?}")),
        Ok(_) => fail(format!("{what}: it was done, wanted {wanted:?}")),
    }
}

impl From<Fault> for Unmet {
    #[track_caller]
    fn from(fault: Fault) -> Self {
        let place = std::panic::Location::caller();
        Self::Failed(format!(
            "{:?}: {fault} (line {} of {})",
            fault.kind,
            place.line(),
            place.file()
        ))
    }
}
