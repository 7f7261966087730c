//! How fast a long log comes, and what it costs the processes on the way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tamer_tests::bench::Process;

use crate::Args;
use crate::engine::{Engine, into_file};
use crate::orders::One;
use crate::table::{Row, mib};

/// The container of this log.
const NAME: &str = "writer";
/// Runs of each way.
const RUNS: usize = 3;

pub async fn measure(
    args: &Args,
    engine: &mut Engine,
    one: &mut One,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let bytes = args.log_mb * 1_000_000;
    // Lines of a hundred bytes, as logs have.
    let line = "0123456789".repeat(9) + "abcdefghi";
    let command = format!("yes {line} | head -c {bytes}");
    let id = engine.api.create(NAME, &["sh", "-c", &command])?;
    engine.api.post(&format!("containers/{id}/start"), None)?;
    engine.api.post(&format!("containers/{id}/wait"), None)?;
    one.fleet.until_state(NAME, "stopped").await?;

    let (ours_in, theirs_in) = (one.folder().join("ours"), one.folder().join("theirs"));
    let logs = format!("containers/{id}/logs?stdout=1&stderr=1");
    let watched = [one.agent.process(), Process(one.fleet.coordinator.pid())];
    let before = [watched[0].memory()?, watched[1].memory()?];
    let cpu = [watched[0].cpu()?, watched[1].cpu()?];
    let (mut ours, mut theirs, mut plain) = (Vec::new(), Vec::new(), Vec::new());
    let mut peaks = [0; 2];
    for _ in 0..RUNS {
        let sampler = Sampler::start(watched);
        let began = Instant::now();
        into_file(&mut one.fleet.tamerctl(&["instance", "logs", NAME]), &ours_in)?;
        ours.push(rate(bytes, began.elapsed()));
        let seen = sampler.end()?;
        peaks = [peaks[0].max(seen[0]), peaks[1].max(seen[1])];
        let began = Instant::now();
        into_file(&mut engine.client(&["logs", NAME]), &theirs_in)?;
        theirs.push(rate(bytes, began.elapsed()));
        let began = Instant::now();
        let came = engine.api.pour(&logs, &mut std::io::sink())?;
        plain.push(rate(bytes, began.elapsed()));
        ensure!(came > bytes, "the plain API gave {came} bytes");
    }
    let (agent, coordinator) = (watched[0].cpu()? - cpu[0], watched[1].cpu()? - cpu[1]);
    same(&ours_in, &theirs_in, bytes)?;
    engine.api.remove(&id)?;
    let [ours, theirs, plain] = [ours, theirs, plain].map(tamer_tests::bench::median);
    rows.push(
        Row::new(
            format!("`tamerctl instance logs X > file`, {} MB of json-file", args.log_mb),
            format!("{ours:.0} MB/s"),
        )
        .beside(format!("`docker logs X > file`: {theirs:.0} MB/s; plain API: {plain:.0} MB/s"))
        .ratio(ours / theirs)
        .aim("100 MB/s"),
    );
    rows.push(
        Row::new(
            "the same, memory before and at most",
            format!(
                "agent {:.1} → {:.1} MiB, coordinator {:.1} → {:.1} MiB",
                mib(before[0]),
                mib(peaks[0]),
                mib(before[1]),
                mib(peaks[1])
            ),
        )
        .aim("flat"),
    );
    let each = |cpu: Duration| cpu.as_secs_f64() * 1e3 / (RUNS as u64 * args.log_mb) as f64;
    rows.push(Row::new(
        "the same, CPU a MB",
        format!("agent {:.2} ms, coordinator {:.2} ms", each(agent), each(coordinator)),
    ));
    Ok(())
}

/// What the way itself can carry: a command that writes faster than any log is read. An engine
/// takes the lines of a log out of JSON one by one, and passes on what a command writes as it is.
pub async fn output(
    args: &Args,
    engine: &mut Engine,
    one: &mut One,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let id = engine.api.create(NAME, &["sleep", "3600"])?;
    engine.api.post(&format!("containers/{id}/start"), None)?;
    one.fleet.until_state(NAME, "running").await?;
    let count = format!("count={}", args.log_mb);
    let command = ["dd", "if=/dev/zero", "bs=1000000", &count];
    let bytes = args.log_mb * 1_000_000;
    let file = one.folder().join("output");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let began = Instant::now();
        let arguments = [&["instance", "exec", NAME, "--"], &command[..]].concat();
        into_file(&mut one.fleet.tamerctl(&arguments), &file)?;
        ours.push(rate(bytes, began.elapsed()));
        ensure!(file.metadata()?.len() == bytes, "tamerctl exec wrote another length");
        let began = Instant::now();
        into_file(&mut engine.client(&[&["exec", NAME], &command[..]].concat()), &file)?;
        theirs.push(rate(bytes, began.elapsed()));
        ensure!(file.metadata()?.len() == bytes, "docker exec wrote another length");
    }
    engine.api.remove(&id)?;
    let [ours, theirs] = [ours, theirs].map(tamer_tests::bench::median);
    rows.push(
        Row::new(
            format!("`tamerctl instance exec X -- dd > file`, {} MB", args.log_mb),
            format!("{ours:.0} MB/s"),
        )
        .beside(format!("`docker exec X dd > file`: {theirs:.0} MB/s"))
        .ratio(ours / theirs)
        .aim("100 MB/s"),
    );
    Ok(())
}

fn rate(bytes: u64, took: Duration) -> f64 {
    bytes as f64 / 1e6 / took.as_secs_f64()
}

fn same(ours: &std::path::Path, theirs: &std::path::Path, bytes: u64) -> Result<()> {
    let (a, b) = (std::fs::read(ours)?, std::fs::read(theirs)?);
    ensure!(a.len() as u64 == bytes, "tamerctl wrote {} bytes of {bytes}", a.len());
    ensure!(a == b, "tamerctl and docker wrote different logs");
    Ok(())
}

/// Looks at the memory of two processes until it is asked for the most that it saw.
struct Sampler {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Result<[u64; 2]>>,
}

impl Sampler {
    fn start(watched: [Process; 2]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut most = [0; 2];
            while !seen.load(Ordering::Relaxed) {
                for (most, process) in most.iter_mut().zip(watched) {
                    *most = (*most).max(process.memory()?);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            Ok(most)
        });
        Self { stop, thread }
    }

    fn end(self) -> Result<[u64; 2]> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().ok().context("the sampler's thread")?
    }
}
