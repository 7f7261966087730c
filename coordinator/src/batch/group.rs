//! Putting decisions into commits that a store accepts.

use tamer_model::{KeptOutput, TaskId, TaskRecord};
use tamer_store::{Commit, MAX_COMMIT_BYTES, Revision};

use crate::state::{StoredOutput, encode, keys};

/// Writes to a commit, of 128 that a store accepts: a task and its output are two.
const TASKS_PER_COMMIT: usize = 60;

/// A decision about one target, on its way to the store.
pub struct Decided {
    /// The task that it is about: for a further attempt, the one that ended.
    pub task: TaskId,
    pub at: Option<Revision>,
    pub record: TaskRecord,
    /// What an agent told with an end.
    pub output: Option<KeptOutput>,
}

/// Puts decisions into commits, each with what it holds.
pub fn group(decided: Vec<Decided>) -> Vec<(Commit, Vec<Decided>)> {
    let mut groups: Vec<(Commit, Vec<Decided>)> = Vec::new();
    for one in decided {
        let record = encode(&one.record);
        let output = one.output.clone().map(|output| encode(&StoredOutput::from(output)));
        let size = record.len() + output.as_ref().map_or(0, Vec::len) + 512;
        let fits = groups.last().is_some_and(|(commit, group)| {
            group.len() < TASKS_PER_COMMIT && commit.size() + size < MAX_COMMIT_BYTES
        });
        if !fits {
            groups.push((Commit::new(), Vec::new()));
        }
        let (commit, mut group) = groups.pop().expect("one was just made sure of");
        let key = keys::task(one.task);
        let commit = match one.at {
            Some(at) => commit.modified_at(key.clone(), at),
            None => commit.absent(key.clone()),
        }
        .put(key, record);
        let commit = match output {
            Some(output) => commit.put(keys::output(one.task), output),
            None => commit,
        };
        group.push(one);
        groups.push((commit, group));
    }
    groups
}
