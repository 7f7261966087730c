//! A picture that is here whole becomes what is known of its host.

use tamer_model::{Code, Problem};
use tamer_store::{Commit, CommitError};
use tracing::debug;

use super::step::{delta_of, record_of, same, still_of};
use super::{Intake, Upload};
use crate::clock;
use crate::drift::trees::{self, Step};
use crate::state::{Unstorable, encode, keys};

impl Intake {
    /// Writes the record and what changed. False when it has to be tried again.
    pub(super) async fn take_over(&self, upload: &Upload) -> Result<bool, Problem> {
        let board = self.drift.board();
        let known = board.get(self.host).record;
        let mut record = record_of(&upload.told);
        if known.as_ref().is_some_and(|(known, _)| same(known, &record)) {
            self.repaired(upload);
            return Ok(true);
        }
        let before = known.as_ref().map(|(record, _)| record.root);
        let (shelf, root) = (self.drift.nodes().clone(), upload.told.root);
        let step = match before {
            Some(before) if before == root => Step::default(),
            before => match self.drift.turn(move || trees::step(&shelf, before, root)).await {
                // A node that was there when it was asked about is damaged.
                Err(problem) if problem.code == Code::NotFound => return Ok(false),
                step => step?,
            },
        };
        if step.total.is_some_and(|total| total != upload.told.resources) {
            let (told, total) = (upload.told.resources, step.total.unwrap_or_default());
            let message = format!("it was told as {told} resources and holds {total}");
            return Err(Problem::field("inventory.resources", message));
        }
        let (key, mut commit) = (keys::inventory(self.host), Commit::new());
        commit = match &known {
            None => commit.absent(key.clone()),
            Some((_, at)) => commit.modified_at(key.clone(), *at),
        };
        let since = board.get(self.host).confirmed_at;
        record.step = known.as_ref().map_or(0, |(known, _)| known.step);
        let still = known.as_ref().and_then(|(known, _)| still_of(known, &upload.told, &step));
        if let Some(delta) = delta_of(upload, before, step, (since, still)) {
            record.step += 1;
            commit = commit.put(keys::delta(self.host, record.step), encode(&delta));
        }
        commit = commit.put(key, encode(&record));
        tamer_crash::point("take-inventory.begun");
        match self.drift.store().commit(commit).await {
            Ok(at) => {
                tamer_crash::point("take-inventory.stored");
                debug!(host = %self.host, %root, counter = record.counter, "a picture is on record");
                board.put(self.host, record, at, clock::now());
                self.repaired(upload);
                Ok(true)
            }
            Err(CommitError::Conflict { .. }) => {
                board.refresh(self.drift.store(), self.host).await?;
                Ok(false)
            }
            Err(error) => Err(error.problem()),
        }
    }
    /// A picture of which only what is new was looked at says nothing of the rest.
    fn repaired(&self, upload: &Upload) {
        if upload.repairs {
            self.drift.board().repaired(self.host);
        }
    }
}
