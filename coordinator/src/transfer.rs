//! `tamer-coordinator store export|import|verify`: a fleet's state in one file, for a backup or for
//! moving it to another store. The coordinator must not be running: the folder is its alone.

use std::path::PathBuf;

use clap::Subcommand;
use tamer_model::{Code, Problem};
use tamer_store::{EngineKind, Options, Store, transfer};

use crate::data::Data;
use crate::program::folder_problem;
use crate::state::unstorable;

/// What to do with the state.
#[derive(Subcommand)]
pub enum Command {
    /// Write everything in the store to a file
    Export {
        /// The coordinator's data folder
        #[arg(long, value_name = "DIR", default_value = "/var/lib/tamer-coordinator")]
        data: PathBuf,
        /// The engine the store was made with
        #[arg(long, value_name = "ENGINE", default_value = "sled")]
        store: EngineKind,
        /// The file to write; it holds secrets and is readable by you only
        file: PathBuf,
    },
    /// Fill an empty store from a file
    Import {
        /// The coordinator's data folder, with the ca.key and ca.crt of the fleet
        #[arg(long, value_name = "DIR", default_value = "/var/lib/tamer-coordinator")]
        data: PathBuf,
        /// The engine of the new store
        #[arg(long, value_name = "ENGINE", default_value = "sled")]
        store: EngineKind,
        /// The file to read
        file: PathBuf,
    },
    /// Check that a file is whole
    Verify {
        /// The file to check
        file: PathBuf,
    },
}

/// Does it, and says how much there was.
#[expect(clippy::print_stdout, reason = "this is the command's answer")]
pub async fn run(command: Command) -> Result<(), Problem> {
    match command {
        Command::Export { data, store, file } => {
            let (_data, store) = open(data, store).await?;
            let summary = transfer::export(&store, &file).await.map_err(|error| failed(&error));
            store.close().await;
            println!("exported {} entries to {}", summary?.entries, file.display());
        }
        Command::Import { data, store, file } => {
            let (_data, store) = open(data, store).await?;
            let summary = transfer::import(&store, &file).await.map_err(|error| failed(&error));
            store.close().await;
            println!("imported {} entries from {}", summary?.entries, file.display());
        }
        Command::Verify { file } => {
            let report = transfer::verify(&file).await.map_err(|error| failed(&error))?;
            if !report.is_sound() {
                return Err(Problem::new(
                    Code::StoreFailed,
                    format!("{} is damaged: {report}", file.display()),
                )
                .remedy("use another export"));
            }
            println!("{} is whole: {} entries", file.display(), report.entries);
        }
    }
    Ok(())
}

async fn open(dir: PathBuf, engine: EngineKind) -> Result<(Data, Store), Problem> {
    let data = Data::open(&dir)?;
    let options = Options::new(data.path("store"), engine);
    let store = Store::open(options).await.map_err(|error| folder_problem(&error))?;
    Ok((data, store))
}

fn failed(error: &dyn std::error::Error) -> Problem {
    Problem::new(Code::StoreFailed, unstorable(error).message)
}
