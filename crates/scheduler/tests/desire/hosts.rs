//! Written histories of hosts that are lost, drained, removed; of copies on every host, and of work
//! that ends.

use tamer_model::{Patience, Run, UpdateOrder, Winner, WorkloadSpec};

use crate::scenarios::count;
use crate::story::Story;
use crate::world::{Host, Nature, host};

fn soon(winner: Winner) -> WorkloadSpec {
    let mut spec = count(2);
    spec.lost.replace_after = "20s".parse().expect("a time");
    spec.lost.winner = winner;
    spec
}

#[test]
fn a_lost_host_comes_back_and_the_replacement_stays() {
    let mut story = Story::of(soon(Winner::Replacement), 3, 2);
    story.until(10).lose(1).until(40).find(1).until(50);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_lost_host_comes_back_and_the_original_stays() {
    let mut story = Story::of(soon(Winner::Original), 3, 2);
    story.until(10).lose(1).until(40).find(1).until(50);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_lost_host_comes_back_before_the_replacement_is_well() {
    let mut story = Story::of(soon(Winner::Replacement), 3, 2);
    story.until(10).lose(1).until(31).find(1).until(40);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_replacement_that_is_lost_too_is_replaced() {
    let mut story = Story::of(soon(Winner::Original), 4, 1);
    story.until(10).lose(1).until(40).lose(3).until(70).find(3).until(75).find(1).until(80);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_lost_host_is_waited_for_where_that_is_the_policy() {
    let mut spec = count(2);
    spec.lost.replace_after = Patience::Never;
    let mut story = Story::of(spec, 3, 2);
    story.until(10).lose(1).until(1000).find(1).until(1010);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_host_that_is_removed_is_not_waited_for() {
    let mut story = Story::of(count(2), 3, 2);
    story.until(10).lose(1).until(20);
    story.world.remove_host(host(1));
    story.say("a person removes host 1").until(30);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_drain_waits_for_room_and_ends_at_its_deadline() {
    let mut story = Story::of(count(5), 3, 2);
    story.until(10);
    story.world.drain(1, Some(30_000));
    story.say("host 1 is drained, within 30s").until(50);
    story.world.hosts.insert(host(4), Host { room: 2, ..Host::default() });
    story.say("host 4 joins").until(60);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_drain_starts_successors_first_where_updates_do() {
    let mut spec = count(4);
    spec.update.order = UpdateOrder::StartFirst;
    let mut story = Story::of(spec, 2, 4);
    story.until(10);
    story.world.drain(1, None);
    story.say("host 1 is drained").until(40);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_drain_that_is_cancelled_leaves_things_as_they_are() {
    let mut spec = count(2);
    spec.update.order = UpdateOrder::StartFirst;
    let mut story = Story::of(spec, 2, 4);
    story.until(10);
    story.world.drain(1, None);
    story.say("host 1 is drained").until(13);
    story.world.hosts.get_mut(&host(1)).expect("it is there").drain = None;
    story.say("the drain is cancelled").until(20);
    insta::assert_snapshot!(story.text);
}

#[test]
fn every_host_has_its_copy() {
    let spec = WorkloadSpec { run: Run::EveryHost, ..count(0) };
    let mut story = Story::of(spec, 3, 2);
    story.until(10);
    story.world.hosts.insert(host(4), Host { room: 2, ..Host::default() });
    story.say("host 4 joins").until(20);
    story.world.drain(2, None);
    story.say("host 2 is drained").until(25);
    story.world.hosts.get_mut(&host(3)).expect("it is there").cordoned = true;
    story.say("host 3 is cordoned").until(30);
    story.lose(1).until(1000).find(1).until(1005);
    story.apply(Nature::Good).until(1030);
    insta::assert_snapshot!(story.text);
}

#[test]
fn work_runs_until_enough_of_it_has_succeeded() {
    let run = Run::ToCompletion { completions: 5, parallelism: 2 };
    let mut story = Story::of(WorkloadSpec { run, ..count(0) }, 3, 2);
    story.until(1).fail(1).until(20);
    story.apply(Nature::Good).until(30);
    insta::assert_snapshot!(story.text);
}

#[test]
fn work_on_a_drained_host_may_end_before_the_deadline() {
    let run = Run::ToCompletion { completions: 2, parallelism: 2 };
    let mut story = Story::of(WorkloadSpec { run, ..count(0) }, 3, 1);
    story.world.natures.insert(1, Nature::Unwell);
    story.until(10);
    story.world.drain(1, Some(20_000));
    story.say("host 1 is drained, within 20s; the work takes longer").until(40);
    insta::assert_snapshot!(story.text);
}
