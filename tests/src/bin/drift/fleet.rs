//! A fleet where nothing changed: every host tells its root, and is compared with what is known of
//! it and with the baseline.

use std::collections::BTreeMap;
use std::hint::black_box;

use anyhow::{Result, ensure};
use tamer_drift::diff::diff;
use tamer_drift::fleet::{HostState, Member, SourceState};
use tamer_drift::tree::{Memory, build, iter};
use tamer_drift::{Digest, Domain, Source};
use tamer_model::{HostId, Timestamp};

use crate::table::{Row, spread, timed};

const COLLECTORS: [&str; 12] = [
    "system", "packages", "services", "users", "ports", "mounts", "network", "sysctls", "jobs",
    "files", "docker", "libvirt",
];

pub fn unchanged(hosts: u32, runs: u32) -> Result<Row> {
    let members: Vec<Member> = (0..hosts).map(member).collect::<Result<_>>()?;
    let told: BTreeMap<HostId, Digest> =
        members.iter().map(|member| (member.host, member.state.root)).collect();
    let built = build(members)?;
    let mut nodes = Memory::new();
    nodes.extend(built.nodes);
    let times = timed(runs, |_| {
        let mut same = 0;
        for known in iter::<Member>(&built.root, &nodes)? {
            let known = known?;
            let told = told.get(&known.host);
            same += u32::from(diff(Some(&known.state.root), told, &nodes)?.next().is_none());
        }
        ensure!(same == hosts, "{same} of {hosts} hosts are the same");
        Ok(())
    })?;
    let floor = timed(runs, |_| {
        let same = told.values().filter(|root| black_box(*root) == black_box(*root)).count();
        Ok(black_box(same))
    })?;
    let what = format!("{hosts} hosts tell their roots, and none differs: one cycle");
    Ok(Row::new(what, spread(&times), "< 50 ms").beside(spread(&floor)))
}

fn member(number: u32) -> Result<Member> {
    let root = Digest::of(Domain::HOST, &number.to_le_bytes());
    let mut id = [0; 10];
    id.copy_from_slice(&root.as_bytes()[..10]);
    let at = Timestamp::from_millis(1_790_000_000_000 + u64::from(number));
    let source = SourceState { complete: true, problem: None, took_ms: 12, resources: 400, at };
    let sources =
        COLLECTORS.map(|name| Ok::<_, anyhow::Error>((name.parse::<Source>()?, source.clone())));
    let sources = sources.into_iter().collect::<Result<_>>()?;
    let state = HostState { root, epoch: [7; 16], counter: 9, at, sources };
    Ok(Member { host: HostId::from_bytes(id), state })
}
