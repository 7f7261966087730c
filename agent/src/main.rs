//! The program: parse, build, run.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    tamer_certs::install_crypto();
    match cli::main() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problems) => {
            for problem in &problems {
                eprint(&tamer_agent::problem::print(problem));
            }
            let worst =
                |problem: &tamer_model::Problem| tamer_agent::problem::exit_code(problem.code);
            ExitCode::from(problems.iter().map(worst).max().unwrap_or(1))
        }
    }
}

#[expect(clippy::print_stderr, reason = "the program's own error output")]
fn eprint(text: &str) {
    eprintln!("{text}");
}
