//! All that a task wrote, from the spool.

use tamer_model::{Code, Problem, TaskId};

use super::frames::{self, Frames, Gone};
use crate::spool::{Reader, Spool, Written};

/// The most bytes of one frame, as `instance.proto` has it.
const MAX_PIECE: usize = 32 * 1024;

/// Which part of a task's output is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Bytes of standard output to leave out.
    pub stdout_from: u64,
    /// Bytes of standard error to leave out.
    pub stderr_from: u64,
    /// Whether what is written later is told too.
    pub follow: bool,
}

/// Tells what the task wrote; with `follow` until it has ended.
pub async fn output(spool: &Spool, task: TaskId, part: Part, frames: &Frames) -> Result<(), Gone> {
    let Part { stdout_from, stderr_from, follow } = part;
    match spool.read(task, stdout_from, stderr_from, follow) {
        Some(reader) => {
            frames.send(frames::started(0)).await?;
            tell(reader, frames).await
        }
        None => frames.send(frames::problem(0, unknown(task))).await,
    }
}

async fn tell(mut reader: Reader, frames: &Frames) -> Result<(), Gone> {
    loop {
        match reader.next().await {
            Ok(Some(Written { stream, mut offset, mut data })) => loop {
                let now = data.split_to(data.len().min(MAX_PIECE));
                let next = offset + now.len() as u64;
                frames.send(frames::written(stream, offset, now)).await?;
                offset = next;
                if data.is_empty() {
                    break;
                }
            },
            Ok(None) => return frames.send(frames::ended(0)).await,
            Err(error) => return frames.send(frames::problem(0, unreadable(&error))).await,
        }
    }
}

fn unknown(task: TaskId) -> Problem {
    let message = format!("the host does not have the output of the task {task} any more");
    Problem::new(Code::NotFound, message)
        .remedy("what the coordinator kept of it is shown without asking for the whole")
}

fn unreadable(error: &std::io::Error) -> Problem {
    Problem::new(Code::DataFolder, format!("the host cannot read the spooled output: {error}"))
        .remedy("look at the disk of the agent's data folder")
}
