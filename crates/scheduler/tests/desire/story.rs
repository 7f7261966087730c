//! Tells a history: what is decided, second by second, in words.

use std::fmt::Write as _;

use tamer_model::{Phase, PlacementId, Stage, WorkloadSpec};
use tamer_scheduler::WorkloadStep;
use tamer_scheduler::desire::Desire;

use crate::world::{BEGIN, Copy, Nature, World, host};

pub struct Story {
    pub world: World,
    pub text: String,
    names: Vec<(String, String)>,
}

impl Story {
    /// `hosts`: how many, each with room for `room` copies.
    pub fn of(spec: WorkloadSpec, hosts: u8, room: usize) -> Self {
        let names = (1..=20).map(|n| (host(n).to_string(), format!("host {n}"))).collect();
        Self { world: World::new(spec, hosts, room), text: String::new(), names }
    }

    /// Lets the world live, a second at a time, until so many seconds after it began.
    pub fn until(&mut self, secs: u64) -> &mut Self {
        while self.world.now.as_millis() < BEGIN + secs * 1000 && !self.world.removed {
            let desire = self.world.desire();
            self.tell(&desire);
            self.world.tick();
            self.world.pass(1000);
        }
        self.stand();
        self
    }

    pub fn say(&mut self, what: &str) -> &mut Self {
        self.line(&format!("-- {what}"));
        self
    }

    /// A person applies another version.
    pub fn apply(&mut self, nature: Nature) -> &mut Self {
        self.world.apply(nature);
        let what = match nature {
            Nature::Good => "that is good",
            Nature::Fails => "that fails",
            Nature::Unwell => "that never is well",
        };
        let version = self.world.workload.template;
        self.say(&format!("a person applies version {version}, {what}"))
    }

    /// The newest copy of an index that shall run.
    pub fn copy(&self, index: u32) -> PlacementId {
        let of = |copy: &&Copy| copy.record.wanted() && copy.record.index == index;
        self.world.copies.values().rfind(of).expect("it is there").record.id
    }

    pub fn fail(&mut self, index: u32) -> &mut Self {
        let id = self.copy(index);
        self.world.real(id, Phase::Failed, None);
        let host = self.world.copies[&id].record.host;
        self.say(&format!("copy {index} fails on {host}"))
    }

    pub fn lose(&mut self, number: u8) -> &mut Self {
        self.world.lose(host(number), self.world.now);
        self.say(&format!("host {number} is lost"))
    }

    pub fn find(&mut self, number: u8) -> &mut Self {
        self.world.find(host(number));
        self.say(&format!("host {number} is back"))
    }

    fn tell(&mut self, desire: &Desire) {
        let before = self.world.copies.clone();
        let made = self.world.store(desire, usize::MAX);
        let name =
            |id: &PlacementId| before.get(id).map_or_else(|| "one that is gone".to_owned(), called);
        for (id, cause) in &desire.stops {
            self.line(&format!("stop {}: {}", name(id), cause.as_str()));
        }
        for (id, demand) in &made {
            let made = called(&self.world.copies[id]);
            let after = demand.replaces.as_ref().map(|id| format!(", after {}", name(id)));
            let stops =
                demand.stops.map(|(_, why)| format!("; that stops, because {}", why.as_str()));
            let (after, stops) = (after.unwrap_or_default(), stops.unwrap_or_default());
            self.line(&format!("make {made}: {}{after}{stops}", demand.cause.as_str()));
        }
        let homeless = desire.demands.len() - made.len();
        if homeless > 0 && !self.text.trim_end().ends_with("find no room") {
            self.line(&format!("{homeless} find no room"));
        }
        if let Some(step) = &desire.step {
            self.line(&words(step));
        }
    }

    /// How the copies stand, and what is to come.
    fn stand(&mut self) {
        let wanted = self.world.copies.values();
        let all: Vec<String> = wanted
            .map(|copy| {
                let phase = copy.told.map_or("untold", |told| told.phase.as_str());
                let unwell = copy.told.is_some_and(|told| told.healthy == Some(false));
                let unwell = if unwell { ", unwell" } else { "" };
                let stops = if copy.record.wanted() { "" } else { ", to stop" };
                format!("{} {phase}{unwell}{stops}", called(copy))
            })
            .collect();
        let all = if all.is_empty() { "nothing".to_owned() } else { all.join(" | ") };
        self.line(&format!("   now: {all}"));
    }

    fn line(&mut self, what: &str) {
        let mut what = what.to_owned();
        for copy in self.world.copies.values() {
            let id = copy.record.id;
            what = what.replace(&format!(" ({id})"), "").replace(&id.to_string(), "it");
        }
        for (id, name) in &self.names {
            what = what.replace(id, name);
        }
        let _ = writeln!(self.text, "{:>4}s  {what}", self.world.at() / 1000);
    }
}

fn called(copy: &Copy) -> String {
    let record = &copy.record;
    format!("{} (v{}) on {}", record.index, record.template, record.host)
}

fn words(step: &WorkloadStep) -> String {
    match step {
        WorkloadStep::Update { update: Some(update), .. } => match &update.stage {
            Stage::Canary => "the update tries its first copies".to_owned(),
            Stage::Rolling => "the update rolls".to_owned(),
            Stage::Failed { reason } => format!("the update failed: {reason}"),
        },
        WorkloadStep::Update { update: None, stable: Some(stable), .. } => {
            format!("the update is over; version {stable} is stable")
        }
        WorkloadStep::Update { update: None, stable: None, .. } => "the update is over".to_owned(),
        WorkloadStep::Revert { to, failure, .. } => format!("back to version {to}: {failure}"),
        WorkloadStep::Fail { failure, .. } => format!("the update failed: {failure}"),
        WorkloadStep::Remove { .. } => "the workload is gone".to_owned(),
    }
}
