//! The chores that run the programs: dev, test, soak.

use std::process::Command;

use anyhow::{Context as _, bail};

use crate::{cargo, checks, peers, replace};

/// Builds the programs and becomes `tamerctl dev`.
pub fn dev(arguments: &[String]) -> anyhow::Result<()> {
    build_programs()?;
    let tamerctl = cargo::target()?.join("debug").join("tamerctl");
    replace::by(Command::new(tamerctl).arg("dev").args(arguments))
        .context("cannot start `tamerctl dev`")
}

/// Everything, with real peers. What is missing is installed or named; nothing is skipped.
pub fn test(arguments: &[String]) -> anyhow::Result<()> {
    peers::install()?;
    build_programs()?;
    checks::windows()?;
    run_tests(arguments, &[])
}

/// The randomised campaigns, longer: they read TAMER_SOAK as a factor.
pub fn soak(arguments: &[String]) -> anyhow::Result<()> {
    match arguments.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        Some(("crashes", rest)) => return crashes(rest),
        Some(("simulation", rest)) => return simulation("10", rest),
        Some(("drift", rest)) => return drift(rest),
        Some(_) | None => {}
    }
    let (times, rest) = match arguments.split_first() {
        Some((first, rest)) if first.parse::<u32>().is_ok() => (first.as_str(), rest),
        _ => ("10", arguments),
    };
    peers::install()?;
    build_programs()?;
    checks::windows()?;
    let done = run_tests(rest, &[("TAMER_SOAK", times), ("NEXTEST_PROFILE", "soak")]);
    // The simulated fleets are left out of the run above, and only there: they want their own build.
    if !rest.is_empty() || !cargo::has("nextest") {
        return done;
    }
    let simulated = simulation(times, &[]);
    done.and(simulated)
}

/// Dies at every crash point; needs no outside program.
fn crashes(rest: &[String]) -> anyhow::Result<()> {
    build_programs()?;
    let mut arguments = ["-p", "tamer-tests", "--test", "crashes"].map(str::to_owned).to_vec();
    arguments.extend_from_slice(rest);
    run_tests(&arguments, &[("TAMER_SOAK", "10"), ("NEXTEST_PROFILE", "soak")])
}

/// A thousand simulated fleets for each time that a campaign is longer; needs no outside program, and
/// none of ours. Built with optimisation they take minutes in place of hours.
fn simulation(times: &str, rest: &[String]) -> anyhow::Result<()> {
    let optimised: &[&str] = if cargo::has("nextest") {
        &["--cargo-profile", "campaign", "--ignore-default-filter"]
    } else {
        &["--profile", "campaign"]
    };
    let named = ["-p", "tamer-tests", "--test", "simulation"];
    let mut arguments: Vec<_> = named.iter().chain(optimised).copied().map(str::to_owned).collect();
    arguments.extend_from_slice(rest);
    run_tests(&arguments, &[("TAMER_SOAK", times), ("NEXTEST_PROFILE", "soak")])
}

/// Two hundred kills while hosts are looked at and pictures travel; needs no outside program.
fn drift(rest: &[String]) -> anyhow::Result<()> {
    build_programs()?;
    let mut arguments = ["-p", "tamer-tests", "--test", "drift_kills"].map(str::to_owned).to_vec();
    arguments.extend_from_slice(rest);
    // Twelve moments in each.
    run_tests(&arguments, &[("TAMER_SOAK", "17"), ("NEXTEST_PROFILE", "soak")])
}

fn build_programs() -> anyhow::Result<()> {
    let mut build = cargo::cargo()?;
    build.args(["build", "--locked"]);
    for program in cargo::PROGRAMS {
        build.args(["-p", program]);
    }
    cargo::done(&mut build)
}

fn run_tests(arguments: &[String], environment: &[(&str, &str)]) -> anyhow::Result<()> {
    let mut tests = cargo::cargo()?;
    if cargo::has("nextest") {
        tests.args(["nextest", "run", "--no-fail-fast"]);
    } else {
        eprintln!(
            "xtask: no cargo-nextest here, so plain `cargo test`: the same tests, one program \
             after another and without time limits. `cargo install cargo-nextest --locked` mends it"
        );
        tests.args(["test", "--no-fail-fast"]);
    }
    // Whoever names a package or a test wants only that.
    if !arguments.iter().any(|argument| argument == "-p" || argument == "--package") {
        tests.arg("--workspace");
    }
    tests.args(["--locked"]).args(arguments);
    tests.env("TAMER_PEERS", peers::folder()?);
    // Everything was installed a moment ago: what is not there is a failure, not a reason to skip.
    tests.env("TAMER_REQUIRE_PEERS", "1");
    tests.env("TAMER_BIN", cargo::target()?.join("debug"));
    tests.envs(environment.iter().copied());
    let tests_done = cargo::done(&mut tests);
    // nextest runs no documentation tests.
    if cargo::has("nextest") && arguments.is_empty() {
        let docs_done =
            cargo::done(cargo::cargo()?.args(["test", "--locked", "--workspace", "--doc"]));
        if tests_done.is_err() && docs_done.is_err() {
            bail!("tests and documentation tests failed");
        }
        docs_done?;
    }
    tests_done
}
