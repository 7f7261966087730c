//! The program that holds the fleet.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program speaks to whoever started it"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use tamer_coordinator::config::{Config, Flags};
use tamer_coordinator::{program, service, transfer};
use tamer_model::{Code, Problem};

#[derive(Parser)]
#[command(
    name = "tamer-coordinator",
    version,
    about = "The program that holds a Tamer fleet",
    arg_required_else_help = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve a fleet
    Run(Box<Flags>),
    /// Move a fleet's state, or keep a backup of it
    #[command(subcommand)]
    Store(transfer::Command),
    /// Run as a service of this machine
    #[command(subcommand)]
    Service(service::Command),
    /// Print the version
    Version,
}

fn main() -> ExitCode {
    tamer_certs::install_crypto();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            report(&problem);
            ExitCode::from(exit_code(problem.code))
        }
    }
}

fn run() -> Result<(), Problem> {
    let matches = Cli::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match cli.command {
        Command::Run(flags) => {
            let matches = matches.subcommand_matches("run").unwrap_or(&matches);
            let print = flags.print_config;
            let config = Config::load(*flags, matches)?;
            if print {
                print!("{}", config.show());
                return Ok(());
            }
            serve(config)
        }
        Command::Store(command) => block_on(transfer::run(command))?,
        Command::Service(command) => service::run(command, &current_exe()?),
        Command::Version => {
            println!("tamer-coordinator {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
    }
}

fn serve(config: Config) -> Result<(), Problem> {
    let options = tamer_telemetry::Options { format: config.log_format, level: config.log.clone() };
    tamer_telemetry::init(options)
        .map_err(|error| Problem::new(Code::ConfigInvalid, error.to_string()).on("log"))?;
    block_on(async {
        let running = program::start(config).await?;
        println!("{}", running.ready_line());
        running.until_stopped().await
    })?
}

fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Problem> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
            Problem::new(Code::Internal, format!("no runtime could be started: {error}"))
        })?;
    Ok(runtime.block_on(work))
}

fn current_exe() -> Result<PathBuf, Problem> {
    std::env::current_exe().map_err(|error| {
        Problem::new(Code::Internal, format!("this program cannot find itself: {error}"))
    })
}

fn report(problem: &Problem) {
    eprintln!("error: {} [{}]", problem.message, problem.code.as_str());
    if let Some(field) = &problem.field {
        eprintln!("  field: {field}");
    }
    if let Some(remedy) = &problem.remedy {
        eprintln!("  remedy: {remedy}");
    }
}

/// 2 for what the caller can write differently, 1 for the rest.
const fn exit_code(code: Code) -> u8 {
    match code {
        Code::ConfigInvalid | Code::InvalidField => 2,
        _ => 1,
    }
}
