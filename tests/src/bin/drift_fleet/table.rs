//! The table.

use std::time::Duration;

use tamer_drift::Digest;

use crate::change::Changed;
use crate::first::First;
use crate::floor::Floor;
use crate::kept::Kept;
use crate::look::Same;
use crate::picture::RESOURCES;
use crate::restart::Restarted;
use crate::still::{self, Still};

const MIB: f64 = 1024.0 * 1024.0;

/// Everything that was measured.
pub struct Figures {
    pub hosts: usize,
    pub joined_in: Duration,
    pub floor: Floor,
    /// Heartbeats before any host told of an inventory.
    pub bare: Still,
    pub first: First,
    pub same: Same,
    pub still: Still,
    /// A change on one host, on some, on all.
    pub one: Changed,
    pub few: Changed,
    pub all: Changed,
    pub restarted: Restarted,
    pub kept: Kept,
}

impl Figures {
    pub fn print(&self) {
        println!("| what | figure | the floor | aim |\n| --- | --- | --- | --- |");
        let each = self.hosts as f64 / secs(self.joined_in);
        let joined = format!("{:.1} s ({each:.0}/s)", secs(self.joined_in));
        row(&format!("join from nothing, {} hosts", self.hosts), &joined, "", "");
        self.first();
        self.still();
        self.same();
        [&self.one, &self.few, &self.all].into_iter().for_each(changed);
        self.kept();
        self.restarted();
    }

    fn first(&self) {
        let First { stored, cpu, memory, wire, messages, nodes, files } = &self.first;
        let count = self.hosts as f64;
        let name = format!("{} first pictures of {RESOURCES} resources", self.hosts);
        let rate = format!("{:.1} s ({:.0}/s)", secs(*stored), count / secs(*stored));
        row(&format!("{name}: all stored"), &rate, "", "");
        let cost = format!("{:.1} s ({:.2} ms each)", secs(*cpu), ms(*cpu) / count);
        row(&format!("{name}: the coordinator's CPU"), &cost, "", "");
        let (before, after) = *memory;
        let grown = format!("{:.1} MiB before, {:.1} after", mib(before), mib(after));
        row(&format!("{name}: the coordinator's memory"), &grown, "", "");
        let each = format!(
            "{:.0} B a host, {:.0} of them messages, {:.1} nodes",
            *wire as f64 / count,
            *messages as f64 / count,
            *nodes as f64 / count
        );
        row(&format!("{name}: on the wire"), &each, "", "");
        let (count, bytes) = *files;
        let kept = format!("{count} files, {:.1} MiB", mib(bytes));
        row(&format!("{name}: the folder of nodes"), &kept, "", "");
    }

    fn still(&self) {
        let (with, bare) = (&self.still, &self.bare);
        let root = Digest::from_bytes([7; 32]).as_bytes().to_vec();
        let message = still::message(root) - still::message(Vec::new());
        let name = "nothing changes, a heartbeat of a host";
        let figure = format!("{message} B");
        row(&format!("{name}: its message, longer by"), &figure, "", "64 B");
        let more = format!("{:.1} B ({:+.1})", with.wire, with.wire - bare.wire);
        let floor = format!("{:.1} B without inventory", bare.wire);
        row(&format!("{name} with its answer, on the wire"), &more, &floor, "");
        let name = format!("the same, of all {} hosts: the coordinator's CPU", self.hosts);
        let floor = format!("{:.0} ms without inventory", ms(bare.cpu));
        row(&name, &format!("{:.0} ms", ms(with.cpu)), &floor, "");
    }

    fn same(&self) {
        let Same { set, first, later, cpu, again } = &self.same;
        let hosts = self.hosts;
        let took = format!("{:.0} ms", ms(*set));
        row(&format!("`baseline set`, {hosts} hosts"), &took, "", "");
        let name = format!("`drift`, nothing differs on {hosts} hosts");
        row(&format!("{name}: the first look"), &format!("{:.0} ms", ms(*first)), "", "");
        let (middle, longest) = later;
        let took = format!("p50 {:.1} ms, max {:.1} ms", ms(*middle), ms(*longest));
        let floor = format!(
            "{:.2} ms to compare digests, {:.2} ms to hash them",
            ms(self.floor.compare),
            ms(self.floor.hash)
        );
        row(&format!("{name}: a later one"), &took, &floor, "< 50 ms");
        row(&format!("{name}: the coordinator's CPU"), &format!("{:.0} ms", ms(*cpu)), "", "");
        let took = format!("{:.1} ms", ms(*again));
        row(&format!("{name}: the same question again"), &took, "", "");
    }

    fn kept(&self) {
        let Kept { hosts: (bytes, count), changes: (mean, longest, changes) } = self.kept;
        let figure = format!("{mean:.0} B, {longest} at most, of {changes}");
        row("a change of one field, in the history: key and value", &figure, "", "< 300 B");
        let figure = format!("{:.0} B of {count}", bytes as f64 / count as f64);
        row("the record of a host's picture: key and value", &figure, "", "");
    }

    fn restarted(&self) {
        let Restarted { serving, ready, heard, seen, cpu, memory, messages, nodes } =
            &self.restarted;
        let name = "the coordinator is started again";
        let figure = format!("{:.2} s", secs(*serving));
        row(&format!("{name}: until an administrator is answered"), &figure, "", "");
        let figure = format!("{:.1} s, {:.1} s to the last one ready", secs(*heard), secs(*ready));
        row(&format!("{name}: until the last host has told its picture again"), &figure, "", "");
        let figure = format!("{:.1} s; the baseline and the findings are the same", secs(*seen));
        row(&format!("{name}: until a look says that all is seen"), &figure, "", "");
        let each = *messages as f64 / self.hosts as f64;
        let figure = format!("{each:.0} B a host, {nodes} nodes");
        row(&format!("{name}: messages about inventories"), &figure, "", "");
        let (now, most) = *memory;
        let figure = format!("{:.1} s, {:.1} MiB, {:.1} at most", secs(*cpu), mib(now), mib(most));
        row(&format!("{name}: its CPU and memory"), &figure, "", "");
    }
}

fn changed(changed: &Changed) {
    let Changed { hosts, stored, found, look, cpu, most, report, messages } = changed;
    let name = match hosts {
        1 => "one field changes on 1 host".to_owned(),
        hosts => format!("the same package changes on {hosts} hosts"),
    };
    let figure = format!("{:.0} ms, stored after {:.0} ms", ms(*found), ms(*stored));
    row(&format!("{name}: until it is told as one finding"), &figure, "", "");
    let figure = format!("{:.0} ms, {:.1} KiB", ms(*look), *report as f64 / 1024.0);
    row(&format!("{name}: one look, and the report"), &figure, "", "");
    let figure = format!("{:.2} s, {:.1} MiB at most", secs(*cpu), mib(*most));
    row(&format!("{name}: the coordinator's CPU and memory"), &figure, "", "");
    let figure = format!("{:.0} B a host", *messages as f64 / *hosts as f64);
    row(&format!("{name}: messages"), &figure, "", "");
}

fn row(what: &str, figure: &str, floor: &str, aim: &str) {
    println!("| {what} | {figure} | {floor} | {aim} |");
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
