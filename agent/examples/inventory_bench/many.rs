//! A folder of very many files, told as one resource.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tamer_agent::inventory::{Pattern, Settings};
use tamer_provider::registry::Registry;

use crate::looking::look;
use crate::row;

/// Files of one folder.
const FOLDER: usize = 1000;
/// What every file is stat'ed for, by whoever looks at it.
const LOOKED: &str = "%p %s %T@ %C@ %i %U %G %m\\n";
const LIMIT: Duration = Duration::from_secs(900);
/// The collector of whole folders.
const TREES: &str = "trees";

pub async fn measure(files: usize, folder: &Path) -> Result<()> {
    let place = tempfile::tempdir_in(folder)?;
    let (tree, data) = (place.path().join("tree"), place.path().join("data"));
    std::fs::create_dir(&data)?;
    let began = Instant::now();
    make(&tree, files)?;
    eprintln!("{files} files made after {:.1?}", began.elapsed());
    // Times of files that were just made are not believed.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let pattern = tree.join("**").display().to_string().parse::<Pattern>();
    let pattern = pattern.map_err(anyhow::Error::msg)?;
    let settings = Settings { files: vec![pattern], ..Settings::default() };
    let (registry, _keepers) = Registry::new([])?;
    let first = look(&data, &registry, &settings, &[TREES], LIMIT).await?;
    eprintln!("walked through after {:.1?}", began.elapsed());
    let warm = look(&data, &registry, &settings, &[TREES], LIMIT).await?;
    let floor = find(&tree)?;
    let name = format!("{files} files, their content read");
    let pace = "half of one processor";
    row(&format!("{name}, at {pace}"), &secs(first.of(TREES)?), "", "");
    let name = format!("{files} files again, none of them changed");
    let floor = format!("{} of `find -printf`, at all of one", secs(floor));
    row(&format!("{name}, at {pace}"), &secs(warm.of(TREES)?), &floor, "< 60 s");
    let most = format!("{:.1} MiB", peak()? as f64 / f64::from(1 << 20));
    row("at most in memory, of everything here", &most, "", "");
    Ok(())
}

fn make(tree: &Path, files: usize) -> Result<()> {
    for number in 0..files {
        let folder = tree.join(format!("part-{:05}", number / FOLDER));
        if number % FOLDER == 0 {
            std::fs::create_dir_all(&folder)?;
        }
        std::fs::write(folder.join(format!("file-{:04}.conf", number % FOLDER)), "a = 1\n")?;
    }
    Ok(())
}

/// How long `find` takes to stat all of it.
fn find(tree: &Path) -> Result<Duration> {
    let began = Instant::now();
    let mut find = Command::new("find");
    let found = find.arg(tree).args(["-printf", LOOKED]).stdout(Stdio::null()).status()?;
    ensure!(found.success(), "find ended with {found}");
    Ok(began.elapsed())
}

/// The most resident memory that this process ever had, in bytes (proc(5)).
fn peak() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line =
        status.lines().find(|line| line.starts_with("VmHWM:")).context("a line of memory")?;
    let kib: u64 = line.split_whitespace().nth(1).context("a number")?.parse()?;
    Ok(kib * 1024)
}

fn secs(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
