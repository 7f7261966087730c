//! Written fleets, kept as transcripts: what a careful operator would see.

use std::fmt::Write as _;

use tamer_model::{
    Affinity, AffinityTo, Packing, Rebalance, Run, Span, Spread, StopCause, Workload, WorkloadSpec,
};
use tamer_scheduler::{HostView, Plan, Queue};

use crate::world::{World, cordon, host, host_id, name, port, spec};

/// Tells what happens to a fleet.
struct Story {
    world: World,
    text: String,
    /// What was told last of those who wait.
    waiting: String,
}

impl Story {
    fn of(queue: Queue, hosts: impl IntoIterator<Item = HostView>) -> Self {
        let mut world = World::new(queue);
        hosts.into_iter().for_each(|view| world.put_host(view));
        Self { world, text: String::new(), waiting: String::new() }
    }

    fn say(&mut self, what: &str) -> &mut Self {
        let _ = writeln!(self.text, "-- {what}");
        self
    }

    fn apply(&mut self, spec: WorkloadSpec) -> &mut Self {
        self.say(&format!("apply {}: {:?}, priority {}", spec.name, spec.run, spec.priority));
        self.world.apply(spec);
        self
    }

    /// Steps, stores and lets agents act until nothing is planned any more.
    fn rest(&mut self) -> &mut Self {
        for _ in 0..20 {
            let plan = self.world.step();
            crate::checks::plan(&self.world, &plan);
            self.tell(&plan);
            if plan.make.is_empty() && plan.stop.is_empty() && plan.workloads.is_empty() {
                break;
            }
            self.world.store(&plan);
            self.world.act();
            self.world.pass(11);
        }
        self.stand()
    }

    fn tell(&mut self, plan: &Plan) {
        for stop in &plan.stop {
            let (placement, _) = &self.world.copies[&stop.placement];
            let host = &self.world.hosts[&placement.host].host.name;
            let (workload, index) = (&stop.workload, placement.index);
            let why = stop.cause.as_str();
            let _ = writeln!(self.text, "stop {workload}/{index} on {host}: {why}");
        }
        for make in &plan.make {
            let host = &self.world.hosts[&make.host].host.name;
            let (why, index) = (make.why, make.index);
            let _ = writeln!(
                self.text,
                "make {}/{index} on {host}: {}; {} points, {} of {} hosts fitted",
                make.workload,
                why.cause.as_str(),
                why.score,
                why.fitting,
                why.hosts
            );
        }
        let mut text = String::new();
        for unplaced in &plan.unplaced {
            let (copies, workload) = (unplaced.copies, &unplaced.workload);
            let _ = writeln!(text, "{copies} of {workload} have no host:");
            for removal in &unplaced.removed {
                let _ = writeln!(text, "  {} by {}", removal.hosts, removal.by);
            }
            for remedy in &unplaced.remedies {
                let _ = writeln!(text, "  - {remedy}");
            }
        }
        if text != self.waiting {
            self.text += &text;
            self.waiting = text;
        }
    }

    /// What each host has.
    fn stand(&mut self) -> &mut Self {
        for (id, view) in &self.world.hosts {
            let on = self.world.wanted().filter(|placement| placement.host == *id);
            let mut names: Vec<_> =
                on.map(|placement| format!("{}/{}", placement.workload, placement.index)).collect();
            names.sort();
            let _ = writeln!(self.text, "   {}: {}", view.host.name, names.join(" "));
        }
        self
    }
}

fn fleet(count: u8, cpus: u32, memory: u64) -> impl Iterator<Item = HostView> {
    (1..=count).map(move |number| host(number, cpus, memory, &[]))
}

fn zoned(zones: &[&str]) -> Vec<HostView> {
    let hosts = zones.iter().zip(1..);
    hosts.map(|(zone, number)| host(number, 4, 8, &[("zone", *zone)])).collect()
}

#[test]
fn packed_tight_or_even() {
    let mut story = Story::of(Queue::FairShare, fleet(3, 4, 8));
    story.apply(WorkloadSpec { packing: Packing::Tight, ..spec("tight", 3, 1000, 1024) }).rest();
    story.apply(spec("even", 3, 1000, 1024)).rest();
    insta::assert_snapshot!(story.text);
}

#[test]
fn spread_over_zones() {
    let mut story = Story::of(Queue::FairShare, zoned(&["a", "a", "a", "b", "c"]));
    let mut web = spec("web", 6, 500, 512);
    web.spread = vec![Spread { over: "zone".into(), weight: 100, max_skew: Some(1) }];
    story.apply(web).rest();
    story.say("the only host of zone c is full: no zone may have two more than it");
    let mut more = story.world.workloads[&name("web")].clone();
    more.spec.run = Run::Count(9);
    story.world.edit_host(5, |view| crate::world::edit(view, |host| host.facts.cpus = 1));
    story.world.put_workload(more);
    story.rest();
    insta::assert_snapshot!(story.text);
}

#[test]
fn a_higher_priority_pushes_few_aside() {
    let mut story = Story::of(Queue::FairShare, fleet(2, 4, 8));
    story.apply(WorkloadSpec { priority: 10, ..spec("low", 4, 1000, 512) }).rest();
    story.apply(WorkloadSpec { priority: 30, ..spec("mid", 2, 2000, 512) }).rest();
    story.apply(WorkloadSpec { priority: 90, ..spec("high", 1, 2000, 512) }).rest();
    story.say("a host more").world.put_host(host(3, 4, 8, &[]));
    story.rest();
    insta::assert_snapshot!(story.text);
}

#[test]
fn what_is_scarce_is_shared() {
    for (queue, what) in [
        (Queue::FairShare, "fair share"),
        (Queue::RoundRobin, "round robin"),
        (Queue::FirstCome, "first come"),
    ] {
        let mut story = Story::of(queue, fleet(2, 4, 8));
        story.say(what);
        let twice = WorkloadSpec { share: 2, ..spec("twice", 8, 1000, 0) };
        story.apply(twice).apply(spec("once", 8, 1000, 0)).apply(spec("big", 8, 2000, 0)).rest();
        insta::assert_snapshot!(format!("scarce_{}", what.replace(' ', "_")), story.text);
    }
}

#[test]
fn why_there_is_no_host() {
    let mut hosts = zoned(&["a", "a", "b", "b", "c"]);
    cordon(&mut hosts[0]);
    hosts[3].providers.clear();
    hosts[4].taken = [(8080, tamer_model::Protocol::Tcp)].into();
    let mut story = Story::of(Queue::FairShare, hosts);
    let mut web = spec("web", 3, 3000, 7 * 1024);
    web.constraints = vec!["zone in (a,b)".parse().expect("a selector")];
    web.instance.ports = vec![port(8080)];
    story.apply(web).rest();
    let mut huge = spec("huge", 1, 0, 64 * 1024);
    huge.constraints = vec!["zone=d".parse().expect("a selector")];
    story.apply(huge).rest();
    story.apply(spec("large", 1, 0, 16 * 1024)).rest();
    insta::assert_snapshot!(story.text);
}

#[test]
fn together_and_apart() {
    let mut story = Story::of(Queue::FairShare, fleet(4, 4, 8));
    let with = |called: &str, count| WorkloadSpec {
        with: vec![name("db")],
        ..spec(called, count, 250, 256)
    };
    story.apply(with("proxy", 2)).rest();
    let apart = WorkloadSpec { apart_from: vec![name("db")], ..spec("db", 2, 500, 512) };
    story.apply(apart).rest();
    let away = WorkloadSpec { apart_from: vec![name("proxy")], ..spec("batch", 3, 250, 256) };
    story.apply(away).rest();
    let mut likes = spec("cache", 2, 250, 256);
    likes.affinity = vec![Affinity { to: AffinityTo::Workload(name("proxy")), weight: 100 }];
    story.apply(likes).rest();
    insta::assert_snapshot!(story.text);
}

#[test]
fn two_that_wait_for_each_other() {
    let mut story = Story::of(Queue::FairShare, fleet(2, 4, 8));
    let with =
        |called: &str, other| WorkloadSpec { with: vec![name(other)], ..spec(called, 1, 250, 256) };
    story.apply(with("hen", "egg")).apply(with("egg", "hen")).rest();
    insta::assert_snapshot!(story.text);
}

#[test]
fn one_on_every_host() {
    let mut story = Story::of(Queue::FairShare, zoned(&["a", "a", "b"]));
    let mut agent = WorkloadSpec { run: Run::EveryHost, ..spec("agent", 0, 100, 128) };
    agent.constraints = vec!["zone=a".parse().expect("a selector")];
    story.apply(agent).rest();
    story.say("h1 is cordoned, h4 joins").world.edit_host(1, cordon);
    story.world.put_host(host(4, 4, 8, &[("zone", "a")]));
    story.rest();
    insta::assert_snapshot!(story.text);
}

#[test]
fn balanced_when_it_is_worth_it() {
    let mut story = Story::of(Queue::FairShare, fleet(1, 8, 16));
    let policy = Rebalance { moves: 1, gain: 10, cooldown: Span::from_secs(60) };
    story.apply(WorkloadSpec { rebalance: Some(policy), ..spec("web", 6, 1000, 2048) }).rest();
    story.say("two hosts more").world.put_host(host(2, 8, 16, &[]));
    story.world.put_host(host(3, 8, 16, &[]));
    story.rest();
    for _ in 0..4 {
        story.say("a minute later").world.pass(60);
        story.rest();
    }
    insta::assert_snapshot!(story.text);
}

#[test]
fn balanced_because_a_person_asks() {
    let mut story = Story::of(Queue::FairShare, fleet(1, 8, 16));
    story.apply(spec("web", 4, 1000, 2048)).rest();
    story.world.put_host(host(2, 8, 16, &[]));
    story.say("a host more, and nobody asked").rest();
    let now = story.world.now;
    let dry = story.world.scheduler.rebalance(Some(&name("web")), now);
    story.say("what balancing would do").tell(&dry);
    let web = story.world.workloads[&name("web")].clone();
    story.say("balance it").world.put_workload(Workload { rebalance_at: Some(now), ..web });
    story.rest();
    assert!(dry.stop.iter().all(|stop| stop.cause == StopCause::Rebalanced));
    insta::assert_snapshot!(story.text);
}

#[test]
fn what_a_host_is_worth() {
    let hosts = [
        host(1, 4, 8, &[("zone", "a"), ("ssd", "")]),
        host(2, 8, 16, &[("zone", "a")]),
        host(3, 4, 8, &[("zone", "b")]),
    ];
    let mut story = Story::of(Queue::FairShare, hosts);
    let mut web = spec("web", 2, 1000, 1024);
    web.affinity =
        vec![Affinity { to: AffinityTo::Hosts("ssd".parse().expect("a selector")), weight: 50 }];
    web.spread = vec![Spread { over: "zone".into(), weight: 100, max_skew: None }];
    story.apply(web).rest();
    for candidate in story.world.scheduler.candidates(&name("web"), 10) {
        let number = (1..=3).find(|number| host_id(*number) == candidate.host).expect("a host");
        let parts: Vec<_> =
            candidate.parts.iter().map(|part| format!("{} {}", part.what, part.points)).collect();
        let _ = writeln!(story.text, "h{number}: {} = {}", candidate.points, parts.join(" + "));
        assert_eq!(candidate.parts.iter().map(|part| part.points).sum::<i32>(), candidate.points);
    }
    insta::assert_snapshot!(story.text);
}
