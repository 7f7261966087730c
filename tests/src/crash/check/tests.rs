//! The checks notice what is broken, and nothing else.

use tamer_model::{BatchId, HostId};

use super::*;

/// A steady batch as it should be, changed by `change`, and whether that is noticed.
#[track_caller]
fn expect(ok: bool, change: impl FnOnce(&mut Seen<'_>)) {
    let hosts: Vec<_> = (1..=HOSTS as u8).map(|n| HostId::from_bytes([n; 10])).collect();
    let ids: Vec<_> = hosts.iter().map(ToString::to_string).collect();
    let batch = BatchId::at(1, [0; 4]);
    let succeeded =
        || wire::TaskEnd { outcome: wire::Outcome::Succeeded.into(), ..Default::default() };
    let tasks = ids.iter().map(|id| wire::Task {
        host: id.clone(),
        end: Some(succeeded()),
        ..Default::default()
    });
    // One after the other, so that the waves are kept as well.
    let effects = hosts.iter().enumerate().map(|(place, host)| {
        let at = place as u64 * 10;
        let effect = Effect { begun: vec![at], done: vec![at + 5] };
        (TaskId::of_host(batch, *host).to_string(), effect)
    });
    let mut seen = Seen {
        scenario: Scenario::Steady,
        hosts: &ids,
        harmed: BTreeSet::new(),
        effects: effects.collect(),
        batch: wire::Batch {
            id: batch.to_string(),
            state: "succeeded".to_owned(),
            counts: Some(wire::BatchCounts { succeeded: 8, ..Default::default() }),
            ..Default::default()
        },
        tasks: tasks.collect(),
    };
    change(&mut seen);
    let checked = check(&seen);
    assert_eq!(checked.is_ok(), ok, "{checked:?}");
}

fn effect<'a>(seen: &'a mut Seen<'_>, place: usize) -> &'a mut Effect {
    let host = &seen.hosts[place];
    let found = seen.effects.iter_mut().find(|(name, _)| name.contains(host.as_str()));
    found.expect("an effect").1
}

fn told_as(seen: &mut Seen<'_>, place: usize, outcome: wire::Outcome) {
    let end = seen.tasks[place].end.as_mut().expect("an end");
    end.outcome = outcome.into();
    "failed".clone_into(&mut seen.batch.state);
    let counts = seen.batch.counts.as_mut().expect("counts");
    counts.succeeded -= 1;
    counts.interrupted += u32::from(outcome == wire::Outcome::Interrupted);
    counts.never_started += u32::from(outcome == wire::Outcome::NeverStarted);
}

#[test]
fn a_batch_as_it_should_be_passes() {
    expect(true, |_| {});
    expect(true, |seen| {
        told_as(seen, 3, wire::Outcome::Interrupted);
        effect(seen, 3).done.clear();
        seen.harmed.insert(3);
    });
}

#[test]
fn every_broken_promise_is_noticed() {
    // A side effect twice, none, or one that nobody tells of.
    expect(false, |seen| effect(seen, 7).begun.push(99));
    expect(false, |seen| *effect(seen, 7) = Effect::default());
    expect(false, |seen| drop(seen.effects.insert("b/h#9".to_owned(), Effect::default())));
    // A task lost, without an end, or miscounted.
    expect(false, |seen| drop(seen.tasks.pop()));
    expect(false, |seen| seen.tasks[2].end = None);
    expect(false, |seen| seen.tasks[2].attempt = 1);
    expect(false, |seen| {
        seen.batch.counts = Some(wire::BatchCounts { succeeded: 7, ..Default::default() });
    });
    expect(false, |seen| "failed".clone_into(&mut seen.batch.state));
    // An end untrue.
    expect(false, |seen| told_as(seen, 3, wire::Outcome::Interrupted));
    expect(false, |seen| told_as(seen, 3, wire::Outcome::NeverStarted));
    // Waves, and how much at once.
    expect(false, |seen| effect(seen, 5).begun[0] = 1);
    expect(false, |seen| (4..8).for_each(|place| effect(seen, place).done[0] = 99));
    // A threshold.
    expect(false, |seen| {
        seen.scenario = Scenario::Tripping;
        told_as(seen, 1, wire::Outcome::Interrupted);
        told_as(seen, 2, wire::Outcome::Interrupted);
        seen.harmed.extend([1, 2]);
    });
}
