//! The command line, for the program and for those of tests that have more providers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use crate::config::{self, Config, Layer, Merged, Source};
use crate::service::Service;
use clap::{Args, Parser, Subcommand};
use tamer_model::{Code, Problem};
use tamer_provider::Provider;

/// The agent of Tamer: joins a fleet, tells what the machine is, and runs commands truthfully.
#[derive(Debug, Parser)]
#[command(name = "tamer-agent", version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Join if need be, then serve until asked to stop
    Run(Box<Run>),
    /// Run as a service of this machine
    #[command(subcommand)]
    Service(ServiceCommand),
    /// Print the version
    Version,
}

/// Values come from defaults, then the file, then TAMER_AGENT_… variables, then flags.
#[derive(Debug, Args)]
struct Run {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data folder, which no other agent may use
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Join token. Every user of the machine can read a command line: prefer --token-file or the
    /// variable TAMER_TOKEN
    #[arg(long)]
    token: Option<String>,
    /// File that holds the join token
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    token_file: Option<String>,
    /// Address of a coordinator, with port unless it is 8443; may be repeated
    #[arg(long = "coordinator", value_name = "ADDR[:PORT]")]
    coordinators: Vec<String>,
    /// Do not look for coordinators on the local network
    #[arg(long)]
    no_discovery: bool,
    /// Name to ask for when joining, instead of the machine's own
    #[arg(long)]
    name: Option<String>,
    /// Without a token: ask to join, and wait until a person approves
    #[arg(long)]
    ask_to_join: bool,
    /// The only fleet to ask to join, by the fingerprint of its CA
    #[arg(long, value_name = "FINGERPRINT")]
    ca: Option<String>,
    /// Any key of the configuration file, such as providers.docker.endpoint=unix:///run/docker.sock;
    /// may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// How log lines look: text or json
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// error, warn, info, debug, trace, or directives
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Stop when standard input ends: for programs that start this one
    #[arg(long, hide = true)]
    exit_with_stdin: bool,
    /// Print the configuration with where each value came from, and stop
    #[arg(long)]
    print_config: bool,
}

#[derive(Debug, Subcommand)]
enum ServiceCommand {
    /// Install and start it, now and at every boot; what is set here becomes its configuration
    Install(Box<Run>),
    /// Stop and remove it; the data folder stays
    Uninstall {
        /// Remove the data folder and the configuration too
        #[arg(long)]
        purge: bool,
    },
    /// Say how it is doing
    Status,
}

/// Does what the command line says and tells how it ended. An agent that is run serves `more`
/// providers on top of the configured ones.
pub fn main(more: Vec<Arc<dyn Provider>>) -> ExitCode {
    match perform(more) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problems) => {
            for problem in &problems {
                eprint(&crate::problem::print(problem));
            }
            let worst = |problem: &Problem| crate::problem::exit_code(problem.code);
            ExitCode::from(problems.iter().map(worst).max().unwrap_or(1))
        }
    }
}

fn perform(more: Vec<Arc<dyn Provider>>) -> Result<(), Vec<Problem>> {
    match Cli::parse().command {
        Command::Run(run) => run.main(more),
        Command::Service(command) => command.main(),
        Command::Version => {
            print(&format!("tamer-agent {}\n", crate::VERSION));
            Ok(())
        }
    }
}

impl ServiceCommand {
    fn main(self) -> Result<(), Vec<Problem>> {
        let what = match self {
            Self::Install(run) => {
                let settings = run.merge()?;
                // Everything is checked before anything is written.
                Config::read(&settings)?;
                Service::Install { token: config::token_text(&settings)?, settings }
            }
            Self::Uninstall { purge } => Service::Uninstall { purge },
            Self::Status => Service::Status,
        };
        let said = crate::platform::service(what).map_err(|problem| vec![problem])?;
        print(&said);
        Ok(())
    }
}

impl Run {
    fn main(self, more: Vec<Arc<dyn Provider>>) -> Result<(), Vec<Problem>> {
        let (print_config, exit_with_stdin) = (self.print_config, self.exit_with_stdin);
        let merged = self.merge()?;
        if print_config {
            print(&config::print(&merged));
            return Config::read(&merged).map(drop);
        }
        let config = Config::read(&merged)?;
        let logs =
            tamer_telemetry::Options { format: config.log_format, level: config.log_level.clone() };
        let internal = |text: String| vec![Problem::new(Code::Internal, text)];
        tamer_telemetry::init(logs).map_err(|error| internal(error.to_string()))?;
        // One thread: an agent that waits costs next to nothing, and a busy one is bounded by its
        // limits long before it is by a core.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(4)
            .thread_keep_alive(std::time::Duration::from_secs(1))
            .build()
            .map_err(|error| internal(format!("the runtime does not start: {error}")))?;
        let asked = async move {
            // Both are cancel-safe: what loses the race is not needed again.
            tokio::select! {
                signal = crate::platform::stop_signal() => signal,
                () = stdin_ended(), if exit_with_stdin => "the end of standard input",
            }
        };
        runtime.block_on(crate::run::run(config, more, asked)).map_err(|problem| vec![problem])
    }

    fn merge(self) -> Result<Merged, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut layers = Vec::new();
        let mut keep = |layer: Result<Layer, Vec<Problem>>| match layer {
            Ok(layer) => layers.push(layer),
            Err(more) => problems.extend(more),
        };
        if let Some(path) = &self.config {
            keep(config::file(path));
        }
        // A variable that is no text is none of ours.
        let texts = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        keep(config::environment(std::env::vars_os().filter_map(texts)));
        keep(self.flags());
        if problems.is_empty() { Ok(config::merge(layers)) } else { Err(problems) }
    }

    fn flags(self) -> Result<Layer, Vec<Problem>> {
        let mut values = BTreeMap::new();
        let mut problems = Vec::new();
        for setting in &self.settings {
            match config::setting(setting) {
                Ok(set) => values.extend(set),
                Err(more) => problems.extend(more),
            }
        }
        let texts = [
            ("data", self.data),
            ("token", self.token),
            ("token_file", self.token_file),
            ("name", self.name),
            ("ca", self.ca),
            ("log_format", self.log_format),
            ("log_level", self.log_level),
            ("ask_to_join", self.ask_to_join.then(|| "true".to_owned())),
            ("discovery", self.no_discovery.then(|| "false".to_owned())),
        ];
        for (key, value) in texts {
            values.extend(value.map(|value| (key.to_owned(), vec![value])));
        }
        if !self.coordinators.is_empty() {
            values.insert("coordinators".to_owned(), self.coordinators);
        }
        let layer = Layer { source: Source::Flag, values };
        if problems.is_empty() { Ok(layer) } else { Err(problems) }
    }
}

/// Waits for the end of standard input.
async fn stdin_ended() {
    let (ended, wait) = tokio::sync::oneshot::channel();
    // A blocking read cannot be cancelled; the thread ends with the process.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        ended.send(())
    });
    let _ = wait.await;
}

#[expect(clippy::print_stdout, reason = "what the command was asked for")]
fn print(text: &str) {
    print!("{text}");
}

#[expect(clippy::print_stderr, reason = "the program's own error output")]
fn eprint(text: &str) {
    eprintln!("{text}");
}
