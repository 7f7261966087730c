use std::collections::BTreeMap;

use tamer_model::{InstanceKind, InstanceState};

use super::*;

fn id(number: usize) -> NativeId {
    format!("i{number:05}").parse().expect("an id")
}

fn instance(number: usize, state: InstanceState) -> Arc<Instance> {
    Arc::new(Instance {
        native: id(number),
        name: format!("n{number}").parse().expect("a name"),
        kind: InstanceKind::Container,
        state,
        reason: None,
        image: None,
        created_at: None,
        exit_code: None,
        managed: false,
        labels: BTreeMap::new(),
        addresses: Vec::new(),
        ports: Vec::new(),
    })
}

fn listed(count: usize) -> View {
    let view = View::new();
    let all: Vec<_> = (0..count).map(|n| instance(n, InstanceState::Running)).collect();
    view.put_all(view.ticket(), &all);
    view
}

#[test]
fn nothing_is_told_before_the_first_list() {
    let view = View::new();
    view.put(view.ticket(), instance(1, InstanceState::Running));
    assert_eq!(view.since(0), None);
    view.put_all(view.ticket(), &[]);
    let delta = view.since(0).expect("listed");
    assert!(delta.whole && delta.put.is_empty(), "{delta:?}");
}

#[test]
fn one_change_among_many_is_told_alone() {
    let view = listed(5000);
    let first = view.since(0).expect("listed");
    assert_eq!((first.whole, first.put.len()), (true, 5000));
    view.put(view.ticket(), instance(7, InstanceState::Stopped));
    // The same again is no change.
    view.put(view.ticket(), instance(7, InstanceState::Stopped));
    let delta = view.since(first.revision).expect("listed");
    assert_eq!(delta.put, [instance(7, InstanceState::Stopped)]);
    assert!(!delta.whole && delta.gone.is_empty() && delta.revision == first.revision + 1);
    let none = view.since(delta.revision).expect("listed");
    assert!(none.put.is_empty() && none.gone.is_empty() && none.revision == delta.revision);
}

#[test]
fn what_changed_twice_is_told_once() {
    let view = listed(3);
    let from = view.since(0).expect("listed").revision;
    view.gone(view.ticket(), &id(1));
    view.put(view.ticket(), instance(1, InstanceState::Creating));
    view.gone(view.ticket(), &id(2));
    view.put(view.ticket(), instance(9, InstanceState::Creating));
    view.gone(view.ticket(), &id(9));
    let delta = view.since(from).expect("listed");
    assert_eq!(delta.put, [instance(1, InstanceState::Creating)]);
    assert_eq!(delta.gone, [id(2), id(9)]);
}

#[test]
fn an_older_reading_does_not_overrule() {
    let view = listed(2);
    let old = view.ticket();
    view.put(view.ticket(), instance(0, InstanceState::Stopped));
    view.gone(view.ticket(), &id(1));
    view.put(view.ticket(), instance(2, InstanceState::Running));
    let stale = [0, 1].map(|n| instance(n, InstanceState::Running));
    view.put_all(old, &stale);
    let all = view.all();
    let states: Vec<_> = all.iter().map(|i| (i.native.clone(), i.state)).collect();
    assert_eq!(states, [(id(0), InstanceState::Stopped), (id(2), InstanceState::Running)]);
    // A later one does.
    view.put_all(view.ticket(), &stale);
    assert_eq!(view.all(), stale);
}

#[test]
fn a_reader_far_behind_gets_everything() {
    let view = listed(REMEMBERED + 10);
    let from = view.since(0).expect("listed").revision;
    for number in 0..REMEMBERED + 5 {
        view.gone(view.ticket(), &id(number));
    }
    let delta = view.since(from).expect("listed");
    assert_eq!((delta.whole, delta.put.len(), delta.gone.len()), (true, 5, 0));
    let near = view.since(delta.revision - 3).expect("listed");
    assert_eq!((near.whole, near.gone.len()), (false, 3));
    assert!(view.since(delta.revision + 1).expect("listed").whole, "a revision never told");
    assert!(view.state().removed_by.len() <= REMEMBERED);
}
