//! What is measured, in the order of the table.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hdrhistogram::Histogram;

use crate::stored::{Scale, Stored};
use crate::{floor, memory, moments};

/// One line of the table.
pub struct Row {
    what: String,
    ours: String,
    floor: String,
    aim: &'static str,
}

impl Row {
    fn new(what: impl Into<String>, ours: String, aim: &'static str) -> Self {
        Self { what: what.into(), ours, floor: String::new(), aim }
    }

    fn beside(self, floor: String) -> Self {
        Self { floor, ..self }
    }

    pub fn print(&self) {
        println!("| {} | {} | {} | {} |", self.what, self.ours, self.floor, self.aim);
    }
}

/// Everything. So many single decisions are timed.
pub fn measure(scale: Scale, decisions: u32) -> Result<Vec<Row>> {
    let floor = floor::floor(scale.hosts, scale.all());
    let mut stored = Stored::new(scale)?;
    let bare = memory::weigh(&stored.scheduler)?;
    let mut rows = place_all(&mut stored, scale, floor)?;
    let with = memory::weigh(&stored.scheduler)?;
    let each = format!("{:.0} bytes", (with - bare) / f64::from(scale.all()));
    rows.push(Row::new("memory a placement", each, "< 200 bytes"));
    rows.extend(at_rest(&mut stored, decisions, floor / scale.all())?);
    rows.push(scarce(scale)?);
    rows.extend(full(scale)?);
    Ok(rows)
}

fn place_all(stored: &mut Stored, scale: Scale, floor: Duration) -> Result<Vec<Row>> {
    let Scale { hosts, workloads, .. } = scale;
    let all = scale.all();
    let began = Instant::now();
    let plan = stored.scheduler.step(stored.at(), all as usize);
    let took = began.elapsed();
    ensure!(plan.make.len() == all as usize, "{} of {all} were placed", plan.make.len());
    let what = format!("{all} placements of {workloads} workloads on {hosts} hosts, one step");
    let placed = Row::new(what, rate(all, took), "100,000/s").beside(rate(all, floor));
    let began = Instant::now();
    for make in plan.make {
        stored.make(make);
    }
    Ok(vec![placed, Row::new("told that they are stored", rate(all, began.elapsed()), "")])
}

fn at_rest(stored: &mut Stored, decisions: u32, floor: Duration) -> Result<[Row; 4]> {
    let began = Instant::now();
    stored.rest()?;
    let took = began.elapsed().as_secs_f64() * 1e3;
    let looked = "every workload looked at, nothing to do";
    let idle = moments::idle(stored, decisions)?;
    let gone = moments::gone(stored, decisions)?;
    let lost = moments::lost(stored, decisions)?;
    let copies = lost.copies as f64 / lost.taken.len() as f64;
    let replaced = format!("a host is lost and its {copies:.1} placements are replaced");
    Ok([
        Row::new(looked, format!("{took:.0} ms"), ""),
        Row::new("nothing happened", us(&idle), ""),
        Row::new("one copy is gone and placed again", us(&gone), "p99 < 1 ms")
            .beside(format!("{:.0} µs", floor.as_secs_f64() * 1e6)),
        Row::new(replaced, us(&lost.taken), "1 s with the rest"),
    ])
}

/// More copies than there is room for, on a hundredth of the hosts: workloads take turns.
fn scarce(scale: Scale) -> Result<Row> {
    const LIMIT: usize = 5000;
    let scale = Scale { hosts: scale.hosts / 100, ..scale };
    let mut stored = Stored::new(scale)?;
    let began = Instant::now();
    let mut made = 0;
    loop {
        let plan = stored.scheduler.step(stored.at(), LIMIT);
        made += plan.make.len() as u32;
        if plan.make.is_empty() {
            break;
        }
        for make in plan.make {
            stored.make(make);
        }
    }
    let (hosts, all) = (scale.hosts, scale.all());
    let what =
        format!("{made} of {all} that {hosts} hosts have room for, in turns, {LIMIT} a step");
    Ok(Row::new(what, rate(made, began.elapsed()), ""))
}

/// The whole fleet is full, and most workloads wait for a host: copies that ask for fifteen times
/// as much. The step that finds that out, and one after a single copy is gone.
fn full(scale: Scale) -> Result<[Row; 2]> {
    let scale = Scale { times: 15, ..scale };
    let mut stored = Stored::new(scale)?;
    let began = Instant::now();
    let plan = stored.scheduler.step(stored.at(), scale.all() as usize);
    let took = began.elapsed();
    let waiting = plan.unplaced.len();
    ensure!(waiting > 0, "there was room for all");
    let what = format!(
        "{} of {} larger copies fill the hosts; why {waiting} workloads wait is told",
        plan.make.len(),
        scale.all(),
    );
    let filled = Row::new(what, format!("{:.2} s", took.as_secs_f64()), "");
    plan.make.into_iter().for_each(|make| stored.make(make));
    let gone = moments::gone(&mut stored, 10)?;
    Ok([filled, Row::new("one of those is gone, and its room is taken", us(&gone), "")])
}

fn rate(count: u32, took: Duration) -> String {
    format!("{:.0}/s", f64::from(count) / took.as_secs_f64())
}

fn us(times: &Histogram<u64>) -> String {
    let at = |quantile| times.value_at_quantile(quantile) / 1000;
    format!("p50 {} µs, p99 {} µs", at(0.5), at(0.99))
}
