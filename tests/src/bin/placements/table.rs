//! The table.

use std::time::Duration;

use crate::drain::Drained;
use crate::floor::Floor;
use crate::lost::Lost;
use crate::place::Placed;
use crate::restart::Restarted;
use crate::walls::Walls;

const MIB: f64 = 1024.0 * 1024.0;

/// Everything that was measured.
pub struct Figures {
    pub hosts: usize,
    pub floor: Floor,
    pub joined_in: Duration,
    /// The coordinator's resident bytes without a host.
    pub empty: u64,
    pub placed: Placed,
    pub walls: Walls,
    pub lost: Lost,
    pub drained: Drained,
    /// The rest of the copies, placed beside the first.
    pub rest: Placed,
    pub restarted: Restarted,
    /// The most resident bytes that the coordinator ever had before it was started again.
    pub most: u64,
}

impl Figures {
    pub fn print(&self) {
        println!("| what | figure | aim |\n| --- | --- | --- |");
        self.floor();
        let each = self.hosts as f64 / secs(self.joined_in);
        let joined = format!("{:.1} s ({each:.0}/s)", secs(self.joined_in));
        row(&format!("join from nothing, {} hosts", self.hosts), &joined, "");
        placed(&self.placed, "");
        self.walls();
        self.lost();
        self.drained();
        placed(&self.rest, " more");
        self.restarted();
        let Self { empty, most, .. } = self;
        let most = format!("{:.1} MiB; {:.1} without a host", mib(*most), mib(*empty));
        row("coordinator, memory at most before it was started again", &most, "");
    }

    fn floor(&self) {
        let Floor { records, echo_us, echoes } = self.floor;
        row("floor: durable records a second, 120 a commit", &format!("{records:.0}/s"), "");
        let echo = format!("p50 {echo_us:.0} µs; {echoes:.0}/s, 64 at a time");
        row("floor: a bare gRPC call on the loopback", &echo, "");
    }

    fn walls(&self) {
        let Walls { list, same, more } = self.walls;
        let copies = self.placed.copies;
        for (what, wall) in [
            ("`tamerctl workload ls`", list),
            ("`tamerctl workload plan`, nothing to change", same),
            ("`tamerctl workload plan`, a tenth more copies", more),
        ] {
            let what = format!("{what}, {copies} copies, whole command");
            row(&what, &format!("p50 {wall:.0} ms"), "");
        }
    }

    fn lost(&self) {
        let Lost { copies, silent, replaced_ms, returned } = &self.lost;
        let replaced = format!("{replaced_ms:.0} ms");
        let what = format!("a lost host of {copies} copies: from `lost` to the last replacement");
        row(&what, &replaced, "1 s");
        row("the same: from its end to `lost`", &format!("{:.1} s", secs(*silent)), "");
        let returned = format!("{:.1} s", secs(*returned));
        row("the same: from its return until no copy is there twice", &returned, "");
    }

    fn drained(&self) {
        let Drained { hosts, copies, stopped, replaced, running } = &self.drained;
        let name = format!("drain of {hosts} hosts, {copies} copies");
        let last = format!("{:.0} ms", ms(*replaced));
        row(&format!("{name}: from the last stop to the last replacement"), &last, "2 s");
        let all = format!("{:.0} ms to the last stop, {:.0} ms in all", ms(*stopped), ms(*running));
        row("the same: from the request until all run", &all, "");
    }

    fn restarted(&self) {
        let Restarted { copies, ready, serving, confirmed, settled, cpu, memory } = &self.restarted;
        let name = format!("restart with {copies} copies on {} hosts", self.hosts);
        row(&format!("{name}: until it serves"), &format!("{:.2} s", secs(*ready)), "5 s");
        let figure = format!("{:.2} s", secs(*serving));
        row("the same: until an administrator is answered, among all the hosts", &figure, "");
        let all = format!(
            "{:.2} s to the last list, {:.2} s from the start in all; 0 copies touched",
            secs(*confirmed),
            secs(*settled)
        );
        row("the same: until every host is back and every copy confirmed", &all, "");
        let cost = format!("{:.1} s, {:.1} MiB", secs(*cpu), mib(*memory));
        row("the same: the coordinator's CPU and memory", &cost, "");
    }
}

fn placed(placed: &Placed, more: &str) {
    let Placed { copies, applied, stored, handed, running, cpu, memory, bytes } = placed;
    let name = format!("{copies}{more} copies");
    let count = *copies as f64;
    let rate = |took: &Duration| format!("{:.0} ms ({:.0}/s)", ms(*took), count / secs(*took));
    row(&format!("{name}: the file is stored"), &format!("{:.0} ms", ms(*applied)), "");
    row(&format!("{name}: last one decided and stored"), &rate(stored), "5,000/s");
    row(&format!("{name}: last one handed to its host"), &rate(handed), "");
    row(&format!("{name}: last one stored as running"), &rate(running), "");
    let each = secs(*cpu) * 1e6 / count;
    let cost = format!("{:.1} s ({each:.0} µs each)", secs(*cpu));
    row(&format!("{name}: the coordinator's CPU"), &cost, "");
    let (before, after) = *memory;
    let each = after.saturating_sub(before) as f64 / 1024.0 / count;
    let grown =
        format!("{:.1} MiB before, {:.1} after ({each:.1} KiB each)", mib(before), mib(after));
    row(&format!("{name}: the coordinator's memory"), &grown, "");
    let (out, back) = (bytes.0 as f64 / count, bytes.1 as f64 / count);
    let each = format!("{out:.0} B to the host, {back:.0} B from it");
    row(&format!("{name}: on the wire, each"), &each, "");
}

fn row(what: &str, figure: &str, aim: &str) {
    println!("| {what} | {figure} | {aim} |");
}

fn secs(time: Duration) -> f64 {
    time.as_secs_f64()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB
}
