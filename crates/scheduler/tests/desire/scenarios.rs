//! Written histories of updates, drains and troubles, kept as transcripts.
//!
//! A copy is called by its index, its version and its host. It takes a second until it runs.

use tamer_model::{Run, Span, Update, UpdateOrder, WorkloadSpec};

use crate::story::Story;
use crate::world::{Host, Nature, host, spec};

pub fn count(count: u32) -> WorkloadSpec {
    let update = Update {
        healthy_for: Span::from_secs(5),
        deadline: Span::from_secs(30),
        ..Update::default()
    };
    WorkloadSpec { update, ..spec(Run::Count(count)) }
}

#[test]
fn copies_are_made_and_scaled() {
    let mut story = Story::of(count(3), 3, 2);
    story.until(10);
    story.world.scale(5);
    story.say("a person scales to 5").until(20);
    story.world.scale(2);
    story.say("a person scales to 2").until(30);
    story.world.scale(0);
    story.say("a person scales to 0").until(40);
    insta::assert_snapshot!(story.text);
}

#[test]
fn an_update_replaces_one_copy_after_the_other() {
    let mut story = Story::of(count(3), 3, 2);
    story.until(10).apply(Nature::Good).until(40);
    insta::assert_snapshot!(story.text);
}

#[test]
fn an_update_starts_two_copies_before_it_stops_two() {
    let mut spec = count(4);
    spec.update.order = UpdateOrder::StartFirst;
    spec.update.max_in_flight = 2;
    let mut story = Story::of(spec, 3, 4);
    story.until(10).apply(Nature::Good).until(40);
    insta::assert_snapshot!(story.text);
}

#[test]
fn canaries_run_beside_the_copies_that_they_follow() {
    let mut spec = count(4);
    spec.update.canary = 2;
    spec.update.max_in_flight = 2;
    let mut story = Story::of(spec, 3, 4);
    story.until(10).apply(Nature::Good).until(40);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_canary_that_fails_ends_the_update_and_takes_nothing_away() {
    let mut spec = count(3);
    spec.update.canary = 1;
    let mut story = Story::of(spec, 3, 4);
    story.until(10).apply(Nature::Fails).until(30);
    insta::assert_snapshot!(story.text);
}

#[test]
fn an_update_that_is_never_well_goes_back_after_its_deadline() {
    let mut story = Story::of(count(3), 3, 2);
    story.until(10).apply(Nature::Unwell).until(80);
    insta::assert_snapshot!(story.text);
}

#[test]
fn an_update_that_may_not_go_back_stays_as_it_is_until_a_person_acts() {
    let mut spec = count(3);
    spec.update.auto_revert = false;
    let mut story = Story::of(spec, 3, 2);
    story.until(10).apply(Nature::Unwell).until(50);
    story.world.drain(1, None);
    story.say("host 1 is drained").until(70);
    story.apply(Nature::Good).until(110);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_first_deployment_that_fails_is_tried_on() {
    let mut story = Story::of(count(1), 3, 2);
    story.world.natures.insert(1, Nature::Fails);
    story.until(4);
    story.world.natures.insert(1, Nature::Good);
    story.say("what it needs is there now").until(20);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_copy_that_failed_is_tried_elsewhere() {
    let mut story = Story::of(count(2), 3, 2);
    story.until(10).fail(0).until(20);
    insta::assert_snapshot!(story.text);
}

#[test]
fn an_update_waits_for_copies_that_are_missing_for_other_reasons() {
    let mut spec = count(3);
    spec.lost.replace_after = "20s".parse().expect("a time");
    let mut story = Story::of(spec, 4, 1);
    story.until(10).lose(1).apply(Nature::Good).until(70);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_host_that_no_longer_fits_gives_its_copies_away() {
    let mut story = Story::of(count(2), 2, 1);
    story.until(10);
    story.world.hosts.get_mut(&host(1)).expect("it is there").unfit = true;
    story.say("host 1 no longer fits, and nobody has room").until(20);
    story.world.hosts.insert(host(3), Host { room: 1, ..Host::default() });
    story.say("host 3 joins").until(30);
    insta::assert_snapshot!(story.text);
}

#[test]
fn of_two_that_nothing_explains_the_better_one_stays() {
    let mut story = Story::of(count(1), 3, 2);
    story.until(10);
    let desire = story.world.desire();
    assert_eq!(desire.demands, []);
    let first = story.world.copies[&story.copy(0)].record.clone();
    let demand = tamer_scheduler::desire::Demand {
        index: 0,
        template: 1,
        cause: tamer_model::Cause::Missing,
        replaces: None,
        host: None,
        avoid: vec![first.host],
        stops: None,
    };
    story.world.make(&demand, host(3));
    story.say("another coordinator has made copy 0 on host 3").until(15);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_copy_that_is_moved_is_there_before_it_goes() {
    let mut story = Story::of(count(1), 2, 2);
    story.until(10);
    let id = story.copy(0);
    story.world.rebalance(id, host(2));
    story.say("balancing moves copy 0 to host 2").until(20);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_workload_is_stopped_started_and_removed() {
    let mut story = Story::of(count(2), 2, 2);
    story.until(10);
    story.world.workload.stopped = true;
    story.say("a person stops it").until(15);
    story.world.workload.stopped = false;
    story.say("a person starts it").until(25);
    story.world.workload.removing = true;
    story.say("a person removes it").until(30);
    insta::assert_snapshot!(story.text);
}
