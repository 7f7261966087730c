//! Written histories, kept as transcripts: what a careful operator would see.

use std::fmt::Write as _;

use tamer_model::{Amount, Offline, OnTrip, Pause, Retry, Rollout, WaveSizes};
use tamer_rollout::{End, Reach};

use crate::world::{World, word, words};

/// Tells a history. Every target that is sent to ends `takes` later, as `end` says of its place and
/// attempt (none: it stays silent).
struct Story {
    world: World,
    text: String,
    takes: u64,
    end: fn(usize, usize) -> Option<End>,
}

impl Story {
    fn of(spec: Rollout, targets: usize, end: fn(usize, usize) -> Option<End>) -> Self {
        spec.check(targets as u32).expect("a spec that makes sense");
        Self { world: World::new(spec, targets), text: String::new(), takes: 1000, end }
    }

    fn at(&self) -> u64 {
        self.world.now.as_millis() - self.world.begun.as_millis()
    }

    /// Steps until nothing happens before `until` milliseconds.
    fn until(&mut self, until: u64) -> &mut Self {
        loop {
            let plan = self.world.plan();
            let quiet = plan.send.is_empty() && plan.end.is_empty();
            if !quiet || plan.undo.len() + plan.cancel.len() > 0 {
                self.tell(&plan);
            }
            self.world.perform(&plan);
            if !quiet {
                continue;
            }
            let told = words(&plan.stand);
            if !self.text.trim_end().ends_with(&told) {
                let _ = writeln!(self.text, "{:>6} ms  {told}", self.at());
            }
            let ends = self.world.in_flight().into_iter().filter_map(|place| {
                let attempts = &self.world.targets[place].attempts;
                let sent = attempts.last()?.sent_at.as_millis();
                (self.end)(place, attempts.len()).map(|end| (sent + self.takes, place, end))
            });
            let next = ends.min_by_key(|(at, place, _)| (*at, *place));
            let wake = plan.wake.map(|wake| wake.as_millis());
            let at = next.map(|(at, ..)| at).into_iter().chain(wake).min();
            let limit = self.world.begun.as_millis() + until;
            match at {
                Some(at) if at <= limit => {
                    self.world.now = tamer_model::Timestamp::from_millis(at);
                    let due: Vec<_> = self.world.in_flight();
                    for place in due {
                        let attempts = &self.world.targets[place].attempts;
                        let sent = attempts.last().expect("it was tried").sent_at.as_millis();
                        if let Some(end) = (self.end)(place, attempts.len())
                            && sent + self.takes <= at
                        {
                            self.world.end(place, end);
                        }
                    }
                }
                _ => {
                    self.world.now = tamer_model::Timestamp::from_millis(limit);
                    return self;
                }
            }
        }
    }

    fn tell(&mut self, plan: &tamer_rollout::Plan) {
        let mut line = Vec::new();
        let places = |places: Vec<usize>| {
            places.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        let mut ends: Vec<(&str, Vec<usize>)> = Vec::new();
        for ending in &plan.end {
            match ends.iter_mut().find(|(end, _)| *end == word(ending.end)) {
                Some((_, all)) => all.push(ending.place),
                None => ends.push((word(ending.end), vec![ending.place])),
            }
        }
        line.extend(ends.into_iter().map(|(end, all)| format!("{end} {}", places(all))));
        if !plan.send.is_empty() {
            let again = if plan.send.iter().any(|s| s.attempt > 1) { " again" } else { "" };
            line.push(format!(
                "send{again} {}",
                places(plan.send.iter().map(|s| s.place).collect())
            ));
        }
        if !plan.cancel.is_empty() {
            line.push(format!("cancel {}", places(plan.cancel.clone())));
        }
        if !plan.undo.is_empty() {
            line.push(format!("undo {}", places(plan.undo.clone())));
        }
        let _ = writeln!(
            self.text,
            "{:>6} ms  {}  | {}",
            self.at(),
            line.join(", "),
            words(&plan.stand)
        );
    }

    fn say(&mut self, what: &str) -> &mut Self {
        let _ = writeln!(self.text, "{:>6} ms  -- {what}", self.at());
        self
    }

    fn resume(&mut self) -> &mut Self {
        self.world.control.marks.push((self.world.now, true));
        self.say("a person says: go on")
    }
}

fn succeed(_: usize, _: usize) -> Option<End> {
    Some(End::Succeeded)
}

fn count(count: u32) -> Option<Amount> {
    Some(Amount::Count(count))
}

#[test]
fn a_canary_then_waves_with_a_pause() {
    let spec = Rollout {
        canary: count(1),
        waves: WaveSizes::Doubling(Amount::Count(2)),
        pause: Pause::For(5000),
        ..Rollout::default()
    };
    let mut story = Story::of(spec, 8, succeed);
    story.until(60_000);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_wave_that_waits_for_a_person() {
    let spec = Rollout {
        waves: WaveSizes::Each(Amount::Count(2)),
        pause: Pause::UntilResumed,
        ..Rollout::default()
    };
    let mut story = Story::of(spec, 4, succeed);
    story.until(10_000).resume().until(20_000);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_silent_target_keeps_its_place() {
    let spec = Rollout { max_in_flight: count(2), ..Rollout::default() };
    let mut story = Story::of(spec, 6, |place, _| (place != 0).then_some(End::Succeeded));
    story.until(30_000).say("the coordinator gives the silent one up");
    story.world.end(0, End::Interrupted);
    story.until(40_000);
    insta::assert_snapshot!(story.text);
}

#[test]
fn failures_stop_the_rest() {
    let spec = Rollout { max_failed: count(1), max_in_flight: count(3), ..Rollout::default() };
    let mut story = Story::of(spec, 9, |place, _| {
        Some(if place % 2 == 0 { End::Failed } else { End::Succeeded })
    });
    story.until(60_000);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_trip_pauses_and_a_person_goes_on() {
    let spec = Rollout {
        max_failed: count(0),
        on_trip: OnTrip::Pause,
        max_in_flight: count(2),
        ..Rollout::default()
    };
    let mut story = Story::of(spec, 6, |place, _| {
        Some(if place == 1 || place == 4 { End::Failed } else { End::Succeeded })
    });
    story.until(10_000).resume().until(20_000).resume().until(30_000);
    insta::assert_snapshot!(story.text);
}

#[test]
fn what_succeeded_is_undone() {
    let spec = Rollout { max_failed: count(0), on_trip: OnTrip::Undo, ..Rollout::default() };
    let mut story =
        Story::of(spec, 4, |place, _| Some(if place == 2 { End::Failed } else { End::Succeeded }));
    story.until(10_000);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_host_that_comes_back_in_time_gets_its_task() {
    let spec = Rollout { offline: Offline::Wait(10_000), ..Rollout::default() };
    let mut story = Story::of(spec, 3, succeed);
    story.world.reach[1] = Reach::Away;
    story.world.reach[2] = Reach::Away;
    story.until(4000).say("1 is back");
    story.world.reach[1] = Reach::Ready;
    story.until(30_000);
    insta::assert_snapshot!(story.text);
}

#[test]
fn all_are_required() {
    let spec = Rollout { offline: Offline::Require, ..Rollout::default() };
    let mut story = Story::of(spec, 3, succeed);
    story.world.reach[1] = Reach::Away;
    story.until(1000);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_failure_is_tried_again_later_and_later() {
    let retry = Retry { attempts: 3, backoff_ms: 2000, ..Retry::default() };
    let spec = Rollout { retry, ..Rollout::default() };
    let mut story = Story::of(spec, 2, |place, attempt| {
        Some(if place == 0 && attempt < 3 { End::Failed } else { End::Succeeded })
    });
    story.until(60_000);
    insta::assert_snapshot!(story.text);
}

#[test]
fn an_interrupted_one_is_not_tried_again_by_default() {
    let retry = Retry { attempts: 3, ..Retry::default() };
    let spec = Rollout { retry, ..Rollout::default() };
    let mut story = Story::of(spec, 1, |_, _| Some(End::Interrupted));
    story.until(60_000);
    insta::assert_snapshot!(story.text);
}

#[test]
fn the_time_runs_out() {
    let spec = Rollout { deadline_ms: Some(2500), max_in_flight: count(1), ..Rollout::default() };
    let mut story = Story::of(spec, 4, succeed);
    story.until(2600);
    for place in story.world.in_flight() {
        story.world.end(place, End::Cancelled);
    }
    story.until(5000);
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_rate_is_kept() {
    let spec = Rollout { rate: Some(3), ..Rollout::default() };
    let mut story = Story::of(spec, 8, succeed);
    story.until(60_000);
    insta::assert_snapshot!(story.text);
}

#[test]
fn too_few_successes_in_a_wave() {
    let spec = Rollout {
        waves: WaveSizes::Each(Amount::Count(4)),
        success: Some(7500),
        ..Rollout::default()
    };
    let mut story = Story::of(spec, 12, |place, _| {
        Some(if place == 1 || place == 5 || place == 6 { End::Failed } else { End::Succeeded })
    });
    story.until(60_000);
    insta::assert_snapshot!(story.text);
}

#[test]
fn what_contradicts_itself_is_refused() {
    let refused = |spec: Rollout, targets| spec.check(targets).expect_err("refused").to_string();
    let share = |share| Amount::Share(share);
    let all = [
        refused(Rollout { canary: count(5), ..Rollout::default() }, 4),
        refused(
            Rollout {
                waves: WaveSizes::Listed(vec![share(6000), share(5000)]),
                ..Rollout::default()
            },
            4,
        ),
        refused(Rollout { waves: WaveSizes::Each(Amount::Count(0)), ..Rollout::default() }, 4),
        refused(Rollout { max_in_flight: count(0), ..Rollout::default() }, 4),
        refused(
            Rollout { retry: Retry { attempts: 0, ..Retry::default() }, ..Rollout::default() },
            4,
        ),
        refused(Rollout { deadline_ms: Some(0), ..Rollout::default() }, 4),
    ];
    insta::assert_snapshot!(all.join("\n"));
}
