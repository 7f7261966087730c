//! The step: from what is known to what to do.

use std::ops::Range;

use tamer_model::{Offline, OnTrip, Pause, Rollout, Stand, Timestamp, Unsent};

use crate::order::jitter;
use crate::retry::{after, again_at, final_end};
use crate::tally::Tally;
use crate::{End, Phase, Reach, Target, Waves};

/// What was said and what else holds since the batch began.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Control {
    /// When it was cancelled.
    pub cancelled_at: Option<Timestamp>,
    /// When it was paused (false) and told to go on (true), oldest first.
    pub marks: Vec<(Timestamp, bool)>,
    /// How many more targets its leases leave room for now; any number when absent.
    pub free: Option<usize>,
}

/// What to do now. Places are those of the targets as they were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Targets to send to, in this order.
    pub send: Vec<Sending>,
    /// Targets that have their end.
    pub end: Vec<Ending>,
    /// Targets in flight that are to be ended.
    pub cancel: Vec<usize>,
    /// Targets that had succeeded and are to be undone.
    pub undo: Vec<usize>,
    /// How the batch stands.
    pub stand: Stand,
    /// Why it goes no further, or went no further, than it does.
    pub reason: Option<String>,
    /// When to look again though nothing happened.
    pub wake: Option<Timestamp>,
}

/// A target that is sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// Which.
    pub place: usize,
    /// Which attempt this is, counted from 1.
    pub attempt: u32,
}

/// A target that has its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Which.
    pub place: usize,
    /// Which end.
    pub end: End,
    /// Why, for people.
    pub why: String,
}

impl Control {
    /// When people said to go on.
    pub(crate) fn resumes(&self) -> impl Iterator<Item = Timestamp> {
        self.marks.iter().filter(|(_, resumed)| *resumed).map(|(at, _)| *at)
    }

    fn is_paused(&self) -> bool {
        self.marks.last().is_some_and(|(_, resumed)| !resumed)
    }
}

/// Works out what to do about a batch that began at `begun`. `targets` are in the order in which
/// they come (see [`crate::order`]); `reach` says of a place whether it can be reached now, and is
/// asked only where that matters.
pub fn step(
    spec: &Rollout,
    targets: &[Target],
    reach: &dyn Fn(usize) -> Reach,
    control: &Control,
    begun: Timestamp,
    now: Timestamp,
) -> Plan {
    let waves = Waves::new(spec, targets.len());
    let mut step = Step {
        spec,
        targets,
        reach,
        ends: targets.iter().map(|target| known_end(spec, target)).collect(),
        plan: Plan {
            send: Vec::new(),
            end: Vec::new(),
            cancel: Vec::new(),
            undo: Vec::new(),
            stand: Stand::Done,
            reason: None,
            wake: None,
        },
        now,
    };
    step.write_down_ends();
    step.proceed(&waves, control, begun);
    if step.ends.iter().all(Option::is_some) {
        step.finish(&waves, control);
    }
    step.plan
}

/// The end that a target has, or that its attempts amount to.
fn known_end(spec: &Rollout, target: &Target) -> Option<(End, Timestamp)> {
    let attempted = || final_end(&spec.retry, target).zip(target.last_end().map(|(_, at)| at));
    target.end.or_else(attempted)
}

/// Whether every target can be reached.
enum Required {
    Met,
    /// Not known of some; they are heard again or lost in a moment.
    Unsure,
    /// So many cannot.
    Away(usize),
}

fn counted(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn wave_of(wave: usize, waves: &Waves) -> Stand {
    Stand::Wave { wave: counted(wave), of: counted(waves.all().len()) }
}

fn between(wave: usize, waves: &Waves, until: Option<Timestamp>) -> Stand {
    Stand::Between { wave: counted(wave), of: counted(waves.all().len()), until }
}

struct Step<'a> {
    spec: &'a Rollout,
    targets: &'a [Target],
    reach: &'a dyn Fn(usize) -> Reach,
    /// With those that this step decides.
    ends: Vec<Option<(End, Timestamp)>>,
    plan: Plan,
    now: Timestamp,
}

impl Step<'_> {
    /// Ends that attempts amount to and nobody has written down.
    fn write_down_ends(&mut self) {
        for (place, target) in self.targets.iter().enumerate() {
            if let (None, Some((end, _))) = (target.end, self.ends[place]) {
                let tries = target.attempts.len();
                let why = if tries > 1 { format!("after {tries} attempts") } else { String::new() };
                self.plan.end.push(Ending { place, end, why });
            }
        }
    }

    fn proceed(&mut self, waves: &Waves, control: &Control, begun: Timestamp) {
        let deadline = self.spec.deadline_ms.map(|ms| after(begun, ms));
        if control.cancelled_at.is_some() {
            return self.give_up(Unsent::Cancelled, "the batch was cancelled");
        }
        if deadline.is_some_and(|deadline| self.now >= deadline) {
            return self.give_up(Unsent::Deadline, "the time of the batch ran out");
        }
        self.wake_at(deadline);
        match self.required() {
            Required::Met => {}
            Required::Unsure => {
                self.plan.stand = wave_of(1, waves);
                return;
            }
            Required::Away(away) => return self.require(away),
        }
        let tally = Tally::new(self.spec, &self.ends, waves.all(), control);
        if let Some(why) = tally.tripped() {
            return self.trip(why);
        }
        if control.is_paused() {
            self.plan.stand = Stand::Paused;
            return;
        }
        self.wave(waves, control, begun, tally);
    }

    /// Nothing new is sent, and what runs is ended.
    fn give_up(&mut self, unsent: Unsent, why: &str) {
        self.plan.stand = Stand::Ending(why.to_owned());
        self.plan.reason = Some(why.to_owned());
        for place in 0..self.targets.len() {
            match self.targets[place].phase() {
                Phase::InFlight if self.ends[place].is_none() => self.plan.cancel.push(place),
                Phase::InFlight | Phase::Ended(_) => {}
                Phase::Waiting => self.drop_waiting(place, unsent, why),
            }
        }
    }

    /// Ends a target that waits: with what its last attempt came to, if there was one.
    fn drop_waiting(&mut self, place: usize, unsent: Unsent, why: &str) {
        let end = match self.targets[place].last_end() {
            Some((end, _)) => end,
            None => End::NeverStarted(unsent),
        };
        self.decide(place, end, why.to_owned());
    }

    fn decide(&mut self, place: usize, end: End, why: String) {
        if self.ends[place].is_none() {
            self.ends[place] = Some((end, self.now));
            self.plan.end.push(Ending { place, end, why });
        }
    }

    /// Whether all can be reached, when all must be before the first is sent to.
    fn required(&self) -> Required {
        let untouched = self.targets.iter().all(|target| target.attempts.is_empty());
        if self.spec.offline != Offline::Require || !untouched {
            return Required::Met;
        }
        let reach: Vec<_> = (0..self.targets.len()).map(self.reach).collect();
        let away = |reach: &&Reach| !matches!(reach, Reach::Ready | Reach::Unsure);
        match (reach.iter().filter(away).count(), reach.contains(&Reach::Unsure)) {
            (0, false) => Required::Met,
            (0, true) => Required::Unsure,
            (away, _) => Required::Away(away),
        }
    }

    fn require(&mut self, away: usize) {
        let why = format!("{away} targets cannot be reached, and all of them are required");
        self.plan.stand = Stand::Tripped(why.clone());
        self.plan.reason = Some(why.clone());
        for place in 0..self.targets.len() {
            let unsent = match (self.reach)(place) {
                Reach::Ready | Reach::Unsure => Unsent::Tripped,
                Reach::Away | Reach::Cordoned | Reach::Gone => Unsent::Unreachable,
            };
            self.decide(place, End::NeverStarted(unsent), why.clone());
        }
    }

    fn trip(&mut self, why: String) {
        if matches!(self.spec.on_trip, OnTrip::Stop | OnTrip::Undo) {
            for place in 0..self.targets.len() {
                if self.targets[place].phase() == Phase::Waiting {
                    self.drop_waiting(place, Unsent::Tripped, &why);
                }
            }
        }
        self.plan.reason = Some(why.clone());
        self.plan.stand = Stand::Tripped(why);
    }

    /// Works on the first wave that has not ended.
    fn wave(&mut self, waves: &Waves, control: &Control, begun: Timestamp, mut tally: Tally<'_>) {
        let mut opened = begun;
        for (number, wave) in waves.all().iter().enumerate() {
            if let Some(ended) = self.ended_at(wave) {
                match self.next_opens(ended, control) {
                    _ if number + 1 == waves.all().len() => {}
                    Ok(at) if at <= self.now => opened = at,
                    Ok(at) => {
                        self.wake_at(Some(at));
                        self.plan.stand = between(number + 2, waves, Some(at));
                        return;
                    }
                    Err(()) => {
                        self.plan.stand = between(number + 2, waves, None);
                        return;
                    }
                }
                continue;
            }
            self.plan.stand = wave_of(number + 1, waves);
            self.send_in(wave.clone(), opened, control.free, &mut tally);
            return;
        }
    }

    /// When the last target of a wave ended, if all have.
    fn ended_at(&self, wave: &Range<usize>) -> Option<Timestamp> {
        let ends: Option<Vec<_>> = self.ends[wave.clone()].iter().copied().collect();
        ends.map(|ends| ends.iter().map(|(_, at)| *at).max().unwrap_or_default())
    }

    /// When the wave after one that ended then opens; not known while a person must say so.
    fn next_opens(&self, ended: Timestamp, control: &Control) -> Result<Timestamp, ()> {
        match self.spec.pause {
            Pause::No => Ok(ended),
            Pause::For(ms) => Ok(after(ended, ms)),
            Pause::UntilResumed => control.resumes().find(|at| *at >= ended).ok_or(()),
        }
    }

    /// Sends to as many targets of a wave as may be in flight, and ends those that cannot be
    /// reached in time.
    fn send_in(
        &mut self,
        wave: Range<usize>,
        opened: Timestamp,
        free: Option<usize>,
        tally: &mut Tally<'_>,
    ) {
        let mut room = self.room().min(free.unwrap_or(usize::MAX));
        for place in wave {
            let target = &self.targets[place];
            if self.ends[place].is_some() || target.phase() != Phase::Waiting {
                continue;
            }
            let turn = match target.attempts.is_empty() {
                true => after(opened, jitter(self.spec, place)),
                false => again_at(&self.spec.retry, target).unwrap_or(self.now),
            };
            if turn > self.now {
                self.wake_at(Some(turn));
                continue;
            }
            if room == 0 {
                // Their turn comes when there is room; only then does it matter who is away.
                break;
            }
            if let Err(unsent) = self.reachable(place, turn) {
                if let Some((end, why)) = unsent {
                    self.decide(place, end, why);
                    tally.count(end);
                    if let Some(why) = tally.tripped() {
                        // What was sent in this step is sent; the budget was not overspent then.
                        return self.trip_after(why);
                    }
                }
                continue;
            }
            room -= 1;
            let attempt = u32::try_from(target.attempts.len()).unwrap_or(u32::MAX - 1) + 1;
            self.plan.send.push(Sending { place, attempt });
        }
    }

    /// Tripped in the middle of a step: nothing is sent after all, because a caller performs the
    /// ends first.
    fn trip_after(&mut self, why: String) {
        self.plan.send.clear();
        self.trip(why);
    }

    /// Whether a target whose turn has come can be sent to; if not, its end, or none while it is
    /// waited for.
    fn reachable(&mut self, place: usize, turn: Timestamp) -> Result<(), Option<(End, String)>> {
        let target = &self.targets[place];
        let never = |why: &str| {
            let end =
                target.last_end().map_or(End::NeverStarted(Unsent::Unreachable), |(end, _)| end);
            Err(Some((end, why.to_owned())))
        };
        match ((self.reach)(place), self.spec.offline) {
            (Reach::Ready, _) => Ok(()),
            (Reach::Unsure, _) => Err(None),
            (Reach::Cordoned, _) => Err(Some((End::Refused, "its host is cordoned".to_owned()))),
            (Reach::Gone, _) => never("it is no part of the fleet any more"),
            (Reach::Away, Offline::Skip | Offline::Require) => never("it could not be reached"),
            (Reach::Away, Offline::Wait(ms)) if after(turn, ms) <= self.now => {
                never("it could not be reached in the time it had")
            }
            (Reach::Away, Offline::Wait(ms)) => {
                self.wake_at(Some(after(turn, ms)));
                Err(None)
            }
        }
    }

    /// How many more may be sent to now: by the limit in flight, and by the rate.
    fn room(&mut self) -> usize {
        let total = u32::try_from(self.targets.len()).unwrap_or(u32::MAX);
        // A target is in flight until its end is known, however long it has been silent.
        let in_flight =
            self.targets.iter().filter(|target| target.phase() == Phase::InFlight).count();
        let most =
            self.spec.max_in_flight.map_or(usize::MAX, |most| most.size_of(total).max(1) as usize);
        let room = most.saturating_sub(in_flight);
        let Some(rate) = self.spec.rate else { return room };
        let second_ago = Timestamp::from_millis(self.now.as_millis().saturating_sub(1000));
        let mut recent: Vec<_> = self
            .targets
            .iter()
            .flat_map(|target| target.attempts.iter().map(|attempt| attempt.sent_at))
            .filter(|sent| *sent > second_ago)
            .collect();
        recent.sort_unstable();
        let left = (rate as usize).saturating_sub(recent.len());
        if left < room {
            let oldest = recent.first().copied().unwrap_or(self.now);
            self.wake_at(Some(after(oldest, 1000)));
        }
        room.min(left)
    }

    fn finish(&mut self, waves: &Waves, control: &Control) {
        let tripped = Tally::new(self.spec, &self.ends, waves.all(), control).tripped();
        if self.plan.reason.is_none() {
            self.plan.reason.clone_from(&tripped);
        }
        if tripped.is_some() && self.spec.on_trip == OnTrip::Undo && control.cancelled_at.is_none()
        {
            let succeeded = |(_, end): &(usize, &Option<(End, Timestamp)>)| {
                matches!(end, Some((End::Succeeded, _)))
            };
            let ends = self.ends.iter().enumerate();
            self.plan.undo = ends.filter(succeeded).map(|(place, _)| place).collect();
        }
        self.plan.stand = Stand::Done;
        self.plan.wake = None;
    }

    fn wake_at(&mut self, at: Option<Timestamp>) {
        if let Some(at) = at.filter(|at| *at > self.now) {
            self.plan.wake = Some(self.plan.wake.map_or(at, |wake| wake.min(at)));
        }
    }
}
