//! One change on an ordinary host: what it costs to work in, to tell and to keep.

use anyhow::{Result, ensure};
use tamer_drift::delta::{Delta, encode};
use tamer_drift::tree::{Memory, Picture};

use crate::grow;
use crate::table::{Row, mib, spread, timed};

pub fn one_change(of: u32, runs: u32) -> Result<Vec<Row>> {
    let mut picture = Picture::new();
    for number in 0..of {
        picture.put(&grow::resource(number, of)?)?;
    }
    let mut all = Memory::new();
    let first = picture.commit();
    let bytes = first.made.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>();
    all.extend(first.made);
    let (mut root, mut nodes, mut most) = (first.root, 0, 0);
    let times = timed(runs, |run| {
        picture.put(&grow::changed(run * (of / runs), of)?)?;
        Ok(picture.root())
    })?;
    // Again one by one, with what each leaves behind.
    let mut again = Picture::open(&root, &all)?;
    for run in 0..runs {
        again.put(&grow::changed(run * (of / runs), of)?)?;
        let commit = again.commit();
        nodes += commit.made.len();
        all.extend(commit.made);
        let delta = Delta::between(Some(root), commit.root, &all)?;
        ensure!(delta.changes.len() == 1, "{} changes of one", delta.changes.len());
        most = most.max(encode(&delta).len());
        root = commit.root;
    }
    ensure!(root == picture.root(), "the same changes make another tree");
    let sent = format!("{:.1} nodes", nodes as f64 / f64::from(runs));
    Ok(vec![
        Row::new(format!("nodes of {of} resources"), mib(bytes), ""),
        Row::new("one of them changes: the new root", spread(&times), ""),
        Row::new("one of them changes: what travels", sent, ""),
        Row::new("one field changes: history", format!("{most} bytes at most"), "< 300 bytes"),
    ])
}
