//! `tamerctl completions SHELL`.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Cli;
use crate::errors::Failure;
use crate::output::print;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which shell
    shell: Shell,
}

/// Runs it.
pub fn run(Args { shell }: Args) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "tamerctl", &mut script);
    Ok(print::text(&String::from_utf8_lossy(&script))?)
}
