//! `tamerctl workload init` and `schema`: what helps to write a file.

use crate::errors::Failure;
use crate::output::print;

/// The schema, as it is shipped beside the documents; a test makes it anew from the types.
const SCHEMA: &str = include_str!("../../../../docs/schemas/workload-1.json");

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Of what sort
    #[arg(value_enum, default_value = "web")]
    example: Example,
}

/// The examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Example {
    /// A server in several copies, with a health check and an update policy
    Web,
    /// A task that runs until enough copies have succeeded
    Task,
    /// One copy on every host
    EveryHost,
}

/// Prints an example. Where the schema is, is known beside the documents only: that line is left out.
pub fn run(Args { example }: Args) -> Result<(), Failure> {
    let text = match example {
        Example::Web => include_str!("../../../../docs/examples/web.toml"),
        Example::Task => include_str!("../../../../docs/examples/task.yaml"),
        Example::EveryHost => include_str!("../../../../docs/examples/every-host.toml"),
    };
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    Ok(print::text(if first.contains("schema") { rest } else { text })?)
}

/// Prints the schema.
pub fn schema() -> Result<(), Failure> {
    Ok(print::text(SCHEMA)?)
}
