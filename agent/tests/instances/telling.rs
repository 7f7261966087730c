//! What a session tells of providers and instances, and how much of it.

use std::collections::BTreeSet;

use prost::Message as _;
use tamer_model::{InstanceState, NativeId};
use tamer_proto::wire::agent_message::Message as Said;
use tamer_proto::wire::{self, InstancesChanged};
use tamer_provider::Provider as _;

use crate::coordinator::Host;

const MANY: usize = 5000;

fn changes(said: &[Said]) -> Vec<&InstancesChanged> {
    let changes = said.iter().filter_map(|said| match said {
        Said::Instances(changed) => Some(changed),
        _ => None,
    });
    changes.collect()
}

fn available(said: &[Said]) -> Option<bool> {
    said.iter().rev().find_map(|said| match said {
        Said::Providers(told) => {
            let fake = told.providers.iter().find(|provider| provider.name == "fake")?;
            Some(fake.unavailable.is_none())
        }
        _ => None,
    })
}

/// The ids of the complete list that ends `said`, if it does end with one.
fn complete(said: &[Said]) -> Option<BTreeSet<String>> {
    let changes = changes(said);
    let last = changes.iter().rposition(|changed| changed.complete)?;
    let first = changes[..=last].iter().rposition(|changed| changed.begins)?;
    let ids = changes[first..=last].iter().flat_map(|changed| &changed.put);
    Some(ids.map(|instance| instance.native.clone()).collect())
}

#[tokio::test]
async fn everything_is_told_first_and_then_only_what_changed() {
    let host = Host::start(MANY, 2).await;
    let told = host.coordinator.until(0, |said| complete(said).filter(|ids| ids.len() == MANY));
    told.await;
    host.coordinator
        .until(0, |said| {
            assert_eq!(available(said), Some(true));
            let place = |test: fn(&Said) -> bool| said.iter().position(test);
            let providers = place(|said| matches!(said, Said::Providers(_)));
            assert!(providers < place(|said| matches!(said, Said::Instances(_))));
            for changed in changes(said) {
                assert_eq!(changed.provider, "fake");
                assert!(changed.put.len() <= 200, "{}", changed.put.len());
                assert!(changed.encoded_len() <= 256 * 1024, "{}", changed.encoded_len());
            }
            Some(())
        })
        .await;

    let from = host.coordinator.count();
    let id: NativeId = host.fake.list().await.expect("a list")[MANY / 2].native.clone();
    host.fake.change(&id, InstanceState::Paused);
    let (message, size) = host
        .coordinator
        .until(from, |said| {
            let changed = *changes(said).first()?;
            let message = Said::Instances(changed.clone());
            let size = wire::AgentMessage { message: Some(message) }.encoded_len();
            Some((changed.clone(), size))
        })
        .await;
    assert_eq!(message.put.len(), 1);
    assert_eq!((&message.put[0].native[..], &message.put[0].state[..]), (id.as_str(), "paused"));
    assert!(!message.begins && !message.complete && message.gone.is_empty());
    assert!(size < 1024, "one change among {MANY} costs {size} bytes");

    host.fake.vanish(&id);
    let gone = host.coordinator.until(from, |said| {
        changes(said).iter().any(|changed| changed.gone == [id.to_string()]).then_some(())
    });
    gone.await;
    host.coordinator.beats(5).await;
    let messages = host.coordinator.until(from, |said| Some(changes(said).len())).await;
    assert_eq!(messages, 2, "one for each change");
}

#[tokio::test]
async fn a_burst_of_changes_is_told_in_few_messages() {
    let host = Host::start(500, 2).await;
    host.coordinator.until(0, |said| complete(said).filter(|ids| ids.len() == 500)).await;
    let from = host.coordinator.count();
    for instance in host.fake.list().await.expect("a list") {
        host.fake.change(&instance.native, InstanceState::Paused);
    }
    let messages = host
        .coordinator
        .until(from, |said| {
            let changes = changes(said);
            let put: usize = changes.iter().map(|changed| changed.put.len()).sum();
            (put >= 500).then_some(changes.len())
        })
        .await;
    assert!(messages <= 50, "{messages} messages for 500 changes");
}

#[tokio::test]
async fn what_an_absent_technology_ran_has_not_gone() {
    let host = Host::start(3, 2).await;
    host.coordinator.until(0, |said| complete(said).filter(|ids| ids.len() == 3)).await;
    let from = host.coordinator.count();
    host.fake.die();
    host.coordinator.until(from, |said| (available(said) == Some(false)).then_some(())).await;
    host.coordinator.beats(5).await;
    let told = host.coordinator.until(from, |said| Some(changes(said).len())).await;
    assert_eq!(told, 0, "nothing is told of what cannot be seen");
    let from = host.coordinator.count();
    host.fake.come_back();
    host.coordinator.until(from, |said| (available(said) == Some(true)).then_some(())).await;
    let told = host.coordinator.until(from, complete);
    assert_eq!(told.await.len(), 3);
}

#[tokio::test]
async fn a_new_session_is_told_everything_again() {
    let host = Host::start(3, 2).await;
    host.coordinator.until(0, |said| complete(said).filter(|ids| ids.len() == 3)).await;
    let from = host.coordinator.count();
    host.coordinator.cut().await;
    let told = host.coordinator.until(from, complete);
    assert_eq!(told.await.len(), 3);
    host.coordinator.until(from, |said| available(said).map(drop)).await;
}

#[tokio::test]
async fn an_older_coordinator_is_told_nothing_new() {
    let host = Host::start(3, 1).await;
    host.fake.populate(1);
    host.coordinator.beats(10).await;
    host.coordinator
        .until(0, |said| {
            let new = |said: &&Said| matches!(said, Said::Instances(_) | Said::Providers(_));
            assert_eq!(said.iter().find(new), None);
            Some(())
        })
        .await;
}
