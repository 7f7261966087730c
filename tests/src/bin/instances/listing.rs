//! `tamerctl instance ls` over some hosts, beside `docker ps -a` over one engine with as many
//! containers.

use anyhow::{Result, ensure};
use tamer_proto::wire;

use crate::engine::{Engine, done};
use crate::fleet::Fleet;
use crate::table::{Row, Times};
use crate::{Args, slim};

pub async fn measure(args: &Args, engine: &mut Engine, rows: &mut Vec<Row>) -> Result<()> {
    let all = args.hosts * args.each;
    let folder = tempfile::tempdir()?;
    let mut fleet = Fleet::start(&args.programs, folder.path()).await?;
    let agents = slim::join(&mut fleet, args.hosts, args.each).await?;
    let (mut ours, mut theirs) = (Times::new(), Times::new());
    let (mut call, mut plain) = (Times::new(), Times::new());
    // The first of each reads programs from the disk.
    for run in 0..=args.runs {
        let began = std::time::Instant::now();
        let list = done(&mut fleet.tamerctl(&["instance", "ls"]))?;
        let took = began.elapsed();
        ensure!(lines(&list) == all + 1, "tamerctl listed {} lines", lines(&list));
        let began = std::time::Instant::now();
        let list = done(&mut engine.client(&["ps", "-a"]))?;
        let theirs_took = began.elapsed();
        ensure!(lines(&list) == all + 1, "docker listed {} lines", lines(&list));
        if run > 0 {
            ours.add(took);
            theirs.add(theirs_took);
        }
        let began = std::time::Instant::now();
        let page = fleet.control.list_instances(wire::ListInstancesRequest::default()).await?;
        call.add(began.elapsed());
        ensure!(page.into_inner().instances.len() == all.min(1000), "a page has not all");
        plain.of(|| engine.api.get("containers/json?all=1"))?;
    }
    drop(agents);
    let what = format!("`tamerctl instance ls`, {} hosts × {} containers", args.hosts, args.each);
    rows.push(
        Row::new(what, ours.shown())
            .beside(format!("`docker ps -a` of {all}: {}", theirs.shown()))
            .ratio(ours.median() / theirs.median())
            .aim("50 ms"),
    );
    rows.push(
        Row::new("the same list, one call", call.shown())
            .beside(format!("`GET /containers/json`: {}", plain.shown()))
            .ratio(call.median() / plain.median()),
    );
    Ok(())
}

fn lines(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == b'\n').count()
}
