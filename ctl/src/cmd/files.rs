//! The files that a batch fetched: into `DIR/HOST/NAME`.

use std::path::{Path, PathBuf};

use tamer_model::{Action, Problem};

use crate::api::Api;
use crate::contents::save_all;
use crate::contract::Batch;
use crate::errors::Failure;
use crate::output::{human, print};

/// Whether files can go where somebody wants them.
pub fn check(to: Option<&Path>, action: &Action, detach: bool) -> Result<(), Problem> {
    match (to, action.fetches(), detach) {
        (Some(_), None, _) => Err(Problem::field("to", "--to is for files, and none is fetched")
            .remedy("say which: --fetch REMOTE")),
        (Some(_), Some(_), true) => {
            Err(Problem::field("to", "--detach does not wait for the files that --to is for")
                .remedy("leave out --to, and get them later: `tamerctl batch get-files`"))
        }
        (Some(_), Some(_), false) | (None, _, _) => Ok(()),
    }
}

/// Saves what a batch fetched: into `to`, or into a folder of the batch's name here.
pub async fn save(batch: &Batch, to: Option<PathBuf>, api: &mut Api) -> Result<(), Failure> {
    let Some(remote) = &batch.fetches else { return Ok(()) };
    let folder = to.unwrap_or_else(|| PathBuf::from(&batch.batch));
    let tasks = api.tasks(&batch.batch, "", false).await?;
    let saved = save_all(&batch.batch, &tasks, remote, &folder, api).await?;
    let files = human::count(saved, "file");
    print::note(&match saved {
        0 => "no file was fetched".to_owned(),
        _ => format!("{files} saved in {}", folder.display()),
    });
    Ok(())
}
