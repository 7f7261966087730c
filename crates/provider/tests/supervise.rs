//! What supervision promises, shown with the technology in memory and a clock that waits for
//! nobody.

mod supervise {
    mod bounds;
    mod outages;
    mod registry;
    mod sharing;
    mod views;
}

use std::sync::Arc;
use std::time::Duration;

use tamer_model::{Availability, ExecSpec, InstanceSpec, ProviderStatus};
use tamer_provider::fake::{Fake, IMAGE};
use tamer_provider::supervise::{Settings, Supervised};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A fake under supervision; its keeper ends with it.
struct Kept {
    fake: Fake,
    handle: Supervised,
    keeper: JoinHandle<()>,
    stop: DropGuard,
}

fn keep(fake: &Fake, settings: Settings) -> Kept {
    let (handle, keeper) = Supervised::new(Arc::new(fake.clone()), settings);
    let stop = CancellationToken::new();
    let keeper = tokio::spawn(keeper.run(stop.clone()));
    Kept { fake: fake.clone(), handle, keeper, stop: stop.drop_guard() }
}

/// A fake with this many instances, that is there.
async fn kept(instances: usize) -> Kept {
    kept_with(instances, Settings::default()).await
}

async fn kept_with(instances: usize, settings: Settings) -> Kept {
    let fake = fake("fake");
    fake.populate(instances);
    let kept = keep(&fake, settings);
    available(&kept.handle, true).await;
    kept
}

fn fake(name: &str) -> Fake {
    Fake::new(name.parse().expect("a name"))
}

/// Waits until it is there, or is not; how long that took.
async fn available(handle: &Supervised, wanted: bool) -> Duration {
    let began = Instant::now();
    let mut status = handle.status();
    let seen = |status: &ProviderStatus| {
        matches!(status.availability, Availability::Available { .. }) == wanted
    };
    let limit = Duration::from_secs(60);
    if tokio::time::timeout(limit, status.wait_for(seen)).await.is_err() {
        panic!("wanted available {wanted}, last saw {:?}", handle.status().borrow());
    }
    began.elapsed()
}

/// Looks until it holds; time that is paused goes on meanwhile.
async fn until(what: &str, look: impl Fn() -> Result<(), String>) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while let Err(seen) = look() {
        assert!(Instant::now() < deadline, "{what}: last saw {seen}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn spec(name: &str) -> InstanceSpec {
    InstanceSpec {
        name: Some(name.parse().expect("a name")),
        image: Some(IMAGE.to_owned()),
        ..InstanceSpec::default()
    }
}

fn sleep() -> ExecSpec {
    ExecSpec::new(["sleep", "100000"])
}
