//! The project's own chores, as `cargo xtask CHORE`. People and `.ci/run` call the same list.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to its terminal")]

mod cargo;
mod checks;
mod measure;
mod peers;
mod replace;
mod rivals;
mod run;

use anyhow::bail;

const HELP: &str = "\
The project's own chores.

Usage: cargo xtask CHORE [ARGUMENTS]

Use it
  dev [ARGS]           build the programs, then a coordinator and agents on this machine
                       (ARGS go to `tamerctl dev`, e.g. --agents 3 --data DIR)

Check it
  test [ARGS]          install what the tests need, build, run every test
                       (ARGS go to nextest, e.g. -p tamer-store, or a test's name)
  soak [TIMES] [ARGS]  the randomised campaigns, TIMES (default 10) as long
  soak crashes         death at every point of a batch at which anybody can die
  soak simulation      10,000 simulated fleets
  soak drift           200 kills while hosts are looked at and pictures travel
  fmt                  formatting, checked (`cargo fmt` repairs)
  clippy               lints, as errors, for Linux and Windows
  deny                 licences, bans and sources of every dependency
  windows              the Windows programs, built

Measure it
  bench fanout [--agents N] [ARGS]
                       N agent sessions against one release coordinator, as a table
  bench instances [ARGS]
                       instances beside a real Docker Engine, as a table
  bench batch [--peers] [ARGS]
                       `tamerctl run` on 25 and 50 real agents beside the machine's floor, and
                       with --peers beside Salt, Ansible and ssh, as tables
  bench scheduler [ARGS]
                       how fast placements are decided; with no ARGS then also `bench placements`
  bench placements [--hosts N] [--copies N] [ARGS]
                       N slim hosts that keep placements: placed, drained, lost, found again

Prepare
  peers                install the outside programs that the tests talk to
  peers up|down        start Docker, Podman and libvirt of the project's own and tell where they
                       are, or end them

Built files go to CARGO_TARGET_DIR, or when that is unset to ~/.cache/tamer/target, where the
next clone finds them.";

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let chore = arguments.next().unwrap_or_else(|| "help".to_owned());
    let rest: Vec<String> = arguments.collect();
    match chore.as_str() {
        "dev" => run::dev(&rest),
        "test" => run::test(&rest),
        "soak" => run::soak(&rest),
        "fmt" => checks::fmt(),
        "clippy" => checks::clippy(),
        "deny" => checks::deny(),
        "windows" => checks::windows(),
        "bench" => measure::bench(&rest),
        "peers" => peers::run(&rest),
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(())
        }
        unknown => bail!("there is no chore `{unknown}`; `cargo xtask help` lists them"),
    }
}
