//! What is measured, in the order of the table.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Result, ensure};
use tamer_drift::diff::diff;
use tamer_drift::tree::{Memory, edit, missing_beside, verify};
use tamer_drift::{Digest, Domain, Resource, canonical};
use tamer_tests::bench::Process;

use crate::table::{Row, mib, ms, rate, spread, timed};
use crate::{Arguments, flat, fleet, grow, single};

/// Everything. What needs most memory comes after the peak of the difference was read.
pub fn measure(arguments: &Arguments) -> Result<Vec<Row>> {
    let Arguments { resources, one_of, hosts, ordinary, runs } = *arguments;
    let mut rows = canonicalise(resources.min(100_000), runs)?;
    rows.extend(difference(resources, one_of, runs)?);
    rows.extend(single::one_change(ordinary, runs)?);
    rows.push(fleet::unchanged(hosts, runs)?);
    Ok(rows)
}

/// Resources that are there become bytes and digests; the floor hashes the same bytes as they lie.
fn canonicalise(of: u32, runs: u32) -> Result<Vec<Row>> {
    let all: Vec<Resource> =
        (0..of).map(|number| grow::resource(number, of)).collect::<Result<_>>()?;
    let times = timed(runs, |_| {
        for resource in &all {
            black_box(canonical::digest(resource));
        }
        Ok(())
    })?;
    let bytes: Vec<Vec<u8>> = all.iter().map(canonical::encode).collect();
    let mean = bytes.iter().map(Vec::len).sum::<usize>() / bytes.len();
    let floor = timed(runs, |_| {
        for bytes in &bytes {
            black_box(Digest::of(Domain::RESOURCE, bytes));
        }
        Ok(())
    })?;
    let each = |times: &hdrhistogram::Histogram<u64>| {
        format!("{:.0}/s", f64::from(of) * 1e9 / times.value_at_quantile(0.5) as f64)
    };
    let what = format!("canonicalise and hash, {mean} bytes each");
    Ok(vec![Row::new(what, each(&times), "200,000/s").beside(each(&floor))])
}

fn difference(of: u32, one_of: u32, runs: u32) -> Result<Vec<Row>> {
    let mut nodes = Memory::new();
    let began = Instant::now();
    let before = grow::tree(of, &mut nodes)?;
    let built = began.elapsed();
    let changes = (0..of).step_by(one_of as usize);
    let count = changes.len();
    let changed: Vec<_> = changes
        .map(|number| grow::changed(number, of).map(|changed| (changed.key.clone(), Some(changed))))
        .collect::<Result<_>>()?;
    let began = Instant::now();
    let edited = edit(&before, changed, &nodes)?;
    let worked_in = began.elapsed();
    nodes.extend(edited.made);
    let after = edited.root;
    let times = timed(runs, |_| {
        let found = diff(Some(&before), Some(&after), &nodes)?.count();
        ensure!(found == count, "{found} of {count} differences were found");
        Ok(())
    })?;
    let beside = timed(runs, |_| {
        let lacks = missing_beside::<Resource>(&after, &before, &nodes, 1)?;
        ensure!(lacks.is_empty(), "{lacks:?} is missing");
        Ok(())
    })?;
    let began = Instant::now();
    let summary = verify::<Resource>(&after, &nodes)?;
    let verified = began.elapsed();
    let peak = Process(std::process::id()).peak_memory()?;
    drop(nodes);
    let (floor, found) = flat::compare(of, one_of)?;
    ensure!(found == count, "{found} of {count} differences were found by the floor");
    let what = format!("a difference of {of} resources, {count} of them changed");
    Ok(vec![
        Row::new(what, spread(&times), "< 1 s")
            .beside(format!("{} to sort and compare", ms(floor))),
        Row::new("at most in memory, with both trees", mib(peak), "< 300 MiB"),
        Row::new("the first tree, resources made and all", rate(of, built), ""),
        Row::new(format!("{count} changes worked in"), ms(worked_in), ""),
        Row::new("what is missing of the second beside the first", spread(&beside), ""),
        Row::new(
            format!("all of {} nodes, {}, verified", summary.nodes, mib(summary.bytes)),
            rate(of, verified),
            "",
        ),
    ])
}
