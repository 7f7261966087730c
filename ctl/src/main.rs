//! `tamerctl`, the command people use. Everything is in the library, where tests reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    tamerctl::main()
}
