//! The program `tamerctl`.
//!
//! `main` reads the arguments, runs one subcommand of [`cmd`] on a single-threaded runtime and
//! turns its failure into one error text and an exit code. A subcommand asks the coordinator
//! through [`api`], whose answers are the types of [`contract`], and shows them through [`output`];
//! a running batch is followed by [`follow`] and drawn by [`view`].

pub mod api;
pub mod args;
pub mod cmd;
pub mod connect;
pub mod contents;
pub mod context;
pub mod contract;
pub mod errors;
pub mod follow;
pub mod output;
pub mod parse;
mod platform;
mod session;
pub mod spec;
pub mod view;
pub mod workloads;

use std::process::ExitCode;

pub use session::Session;

use crate::args::Cli;
use crate::errors::Failure;
use crate::output::Format;

/// Runs the program.
pub fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let cli = match args::parse(&arguments) {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(errors::tell_usage(&error, &arguments)),
    };
    let format = cli.format();
    let code = match run(cli) {
        Ok(()) => 0,
        Err(failure) => errors::tell(&failure, format),
    };
    ExitCode::from(code)
}

fn run(cli: Cli) -> Result<(), Failure> {
    tamer_certs::install_crypto();
    // One thread: a command waits for the network, and threads cost milliseconds to start.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let Cli { output, context, command } = cli;
    let session = Session::new(output.unwrap_or(Format::Table), context);
    let result = runtime.block_on(cmd::run(command, &session));
    // A read of standard input that nobody waits for any more must not keep the program.
    runtime.shutdown_background();
    result
}
