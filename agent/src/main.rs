//! The program: parse, build, run.

use std::process::ExitCode;

fn main() -> ExitCode {
    tamer_certs::install_crypto();
    tamer_agent::cli::main(Vec::new())
}
