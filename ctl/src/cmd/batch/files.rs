//! `tamerctl batch get-files`: the files that a batch fetched, later.

use std::path::PathBuf;

use tamer_model::{Code, Problem};

use super::super::files;
use crate::Session;
use crate::errors::Failure;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its id, or `last`
    batch: String,
    /// Save them as DIR/HOST/NAME [default: a folder named as the batch]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

/// Runs it.
pub async fn run(Args { batch, to }: Args, session: &Session) -> Result<(), Failure> {
    let mut api = session.api().await?;
    let batch = api.batch(&batch).await?;
    if batch.fetches.is_none() {
        let message = format!("{} fetches no file", batch.batch);
        return Err(Problem::new(Code::WrongState, message)
            .on("batch")
            .remedy("`tamerctl batch ls` shows what each does")
            .into());
    }
    files::save(&batch, to, &mut api).await
}
