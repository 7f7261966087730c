//! Several providers.

use std::sync::Arc;
use std::time::Duration;

use tamer_model::{Availability, InstanceState};
use tamer_provider::fake::Fake;
use tamer_provider::registry::{Changed, Keepers, Registry};
use tamer_provider::supervise::Settings;
use tamer_provider::{FaultKind, Provider, Result};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{available, fake};

#[tokio::test(start_paused = true)]
async fn providers_are_found_watched_scanned_and_stopped() {
    let fakes = [fake("podman"), fake("docker")];
    let ids = fakes[1].populate(3);
    let (registry, keepers) = registry(&fakes).expect("two names");
    let stop = CancellationToken::new();
    let running = tokio::spawn(keepers.run(stop.clone()));
    let names: Vec<_> = registry.iter().map(|provider| provider.name().to_string()).collect();
    assert_eq!(names, ["docker", "podman"]);
    let unknown = registry.get(&"libvirt".parse().expect("a name")).map(drop);
    let fault = unknown.expect_err("none");
    assert_eq!(fault.kind, FaultKind::NotFound);
    assert_eq!(fault.remedy, "this host has: docker, podman");

    let docker = registry.get(fakes[1].name()).expect("docker");
    let podman = registry.get(fakes[0].name()).expect("podman");
    available(docker, true).await;
    available(podman, true).await;
    let mut watcher = registry.watch();
    assert!(timeout(Duration::from_secs(1), watcher.changed()).await.is_err(), "nothing changed");
    fakes[1].change(&ids[0], InstanceState::Stopped);
    fakes[0].die();
    let mut told = Vec::new();
    while told.len() < 2 {
        let next = timeout(Duration::from_secs(10), watcher.changed()).await;
        told.extend(next.unwrap_or_else(|_| panic!("only {told:?} was told")));
    }
    told.sort_by_key(|(name, _)| name.clone());
    let (docker_name, podman_name) = (fakes[1].name().clone(), fakes[0].name().clone());
    assert_eq!(told, [(docker_name, Changed::View), (podman_name, Changed::Status)]);
    let there: Vec<_> = registry
        .statuses()
        .into_iter()
        .map(|s| matches!(s.availability, Availability::Available { .. }))
        .collect();
    assert_eq!(there, [true, false]);
    let scans = registry.scan().await;
    assert_eq!(scans[0].1.as_ref().map(Vec::len), Ok(5));
    assert_eq!(scans[1].1.as_ref().map_err(|fault| fault.kind), Err(FaultKind::Unavailable));

    stop.cancel();
    timeout(Duration::from_secs(1), running).await.expect("at once").expect("no panic");
}

#[tokio::test]
async fn two_of_one_name_are_refused() {
    let outcome = registry(&[fake("docker"), fake("docker")]).map(drop);
    assert_eq!(outcome.expect_err("twice").kind, FaultKind::AlreadyExists);
}

fn registry(fakes: &[Fake]) -> Result<(Registry, Keepers)> {
    let provider = |fake: &Fake| Arc::new(fake.clone()) as Arc<dyn Provider>;
    Registry::new(fakes.iter().map(|fake| (provider(fake), Settings::default())))
}
