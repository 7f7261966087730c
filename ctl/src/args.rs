//! The arguments, from the top. Each noun's own are beside what they start, in `cmd`.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use crate::cmd::{
    audit, baseline, batch, completions, context, dev, drift, host, instance, placement, run,
    schedule, snapshot, status, token, workload,
};
use crate::output::Format;

/// Run commands on every machine you own, from one place.
#[derive(Debug, Parser)]
#[command(
    name = "tamerctl",
    version,
    disable_help_subcommand = true,
    after_help = "Exit codes: 0 done · 1 it failed on some target · 2 bad input · 3 cannot reach, or not allowed:\nthe coordinator, or nothing but some targets; `instance exec` ends with the command's own, and `workload plan` with 2 when it would change\nsomething and 1 on any error. `drift` ends with 0 when nothing differs, 1 when something does, and 2 on any error\nor when nothing differs of what was seen and not everything was"
)]
pub struct Cli {
    /// How to print the answer (default: table)
    #[arg(short, long, global = true, value_enum, value_name = "FORMAT")]
    pub output: Option<Format>,

    /// Which fleet: a name of `tamerctl context ls` (default: $TAMER_CONTEXT, or the one in use)
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The nouns.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a coordinator and agents on this machine, to try Tamer
    Dev(dev::Args),
    /// Show the fleet at a glance
    Status(status::Args),
    /// The machines that run an agent
    #[command(subcommand)]
    Host(host::Verb),
    /// The tokens that let new hosts join
    #[command(subcommand)]
    Token(token::Verb),
    /// What the hosts run: containers, virtual machines
    #[command(subcommand)]
    Instance(Box<instance::Verb>),
    /// What should run, and is kept running
    #[command(subcommand)]
    Workload(Box<workload::Verb>),
    /// The copies of workloads, each on one host
    #[command(subcommand)]
    Placement(placement::Verb),
    /// Run a command, a script or files on many hosts
    #[command(after_long_help = run::EXAMPLES)]
    Run(Box<run::Args>),
    /// What was run: one action over many hosts
    #[command(subcommand)]
    Batch(batch::Verb),
    /// Batches that run when they are due
    #[command(subcommand)]
    Schedule(schedule::Verb),
    /// What hosts held at a moment
    #[command(subcommand)]
    Snapshot(Box<snapshot::Verb>),
    /// What is right, and is compared with
    #[command(subcommand)]
    Baseline(Box<baseline::Verb>),
    /// What is not as the baseline says: on which hosts, how much it matters, and where from
    #[command(after_long_help = drift::EXAMPLES)]
    Drift(Box<drift::Args>),
    /// Who changed what
    #[command(subcommand)]
    Audit(audit::Verb),
    /// The fleets that this machine knows
    #[command(subcommand)]
    Context(context::Verb),
    /// Print the completions of a shell
    Completions(completions::Args),
    /// Print the version
    Version,
}

impl Command {
    /// Whether its answer can be a document of its own.
    fn makes_documents(&self) -> bool {
        match self {
            Self::Drift(args) => args.makes_documents(),
            Self::Dev(_)
            | Self::Status(_)
            | Self::Host(_)
            | Self::Token(_)
            | Self::Instance(_)
            | Self::Workload(_)
            | Self::Placement(_)
            | Self::Run(_)
            | Self::Batch(_)
            | Self::Schedule(_)
            | Self::Snapshot(_)
            | Self::Baseline(_)
            | Self::Audit(_)
            | Self::Context(_)
            | Self::Completions(_)
            | Self::Version => false,
        }
    }
}

impl Cli {
    /// How answers and errors are printed.
    pub fn format(&self) -> Format {
        self.output.unwrap_or(Format::Table)
    }
}

/// Reads the arguments; the first is the program's name.
pub fn parse(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let cli = Cli::try_parse_from(arguments)?;
    if cli.format().is_document() && !cli.command.makes_documents() {
        return Err(Cli::command().error(
            ErrorKind::ArgumentConflict,
            "markdown and html are what `drift`, `drift show` and `drift explain` print, and not \
             with --watch",
        ));
    }
    Ok(cli)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reports_are_documents() {
        let read = |line: &str| {
            let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            parse(&arguments).map(drop)
        };
        for line in [
            "tamerctl drift -o html",
            "tamerctl -o markdown drift show d-1",
            "tamerctl drift explain -o markdown",
        ] {
            read(line).expect(line);
        }
        for line in ["tamerctl host approve web -o html", "tamerctl drift --watch -o markdown"] {
            let refused = read(line).expect_err(line);
            assert_eq!(refused.kind(), ErrorKind::ArgumentConflict, "{line}");
            assert!(refused.use_stderr(), "{line}");
        }
    }

    #[test]
    fn the_arguments_hold_together() {
        Cli::command().debug_assert();
    }
}
