//! The whole output of one target, read by offset: live from its agent while that has it, and then
//! what is kept. What is missing between two pieces is told, never passed over.

mod printer;

use tamer_model::{Code, Problem, StreamKind};

use self::printer::Printer;
use crate::Session;
use crate::api::{Api, OutputRead, OutputReads, Wanted};
use crate::contract::Task;
use crate::errors::Failure;

/// What is read.
#[derive(Debug)]
pub struct Reading<'a> {
    /// The batch's id.
    pub batch: &'a str,
    /// The target.
    pub task: &'a Task,
    /// The first byte of each stream that is wanted.
    pub from: u64,
    /// Go on until it ends.
    pub follow: bool,
    /// Only this stream.
    pub only: Option<StreamKind>,
}

/// Prints it.
pub async fn print(what: Reading<'_>, api: &mut Api, session: &Session) -> Result<(), Failure> {
    let Reading { batch, task, from, follow, only } = what;
    let wanted = Wanted {
        batch: batch.to_owned(),
        host: task.host.clone(),
        item: task.item,
        stdout_from: from,
        stderr_from: from,
        follow,
    };
    let mut printer = Printer::new(from, session.format());
    let read = pump(&mut api.read_output(wanted).await?, only, &mut printer).await;
    // What came is shown, whatever ended it.
    let next = printer.next();
    printer.finish().await?;
    match read? {
        false if follow => {
            let message = "the coordinator went away before the output had ended";
            Err(Problem::new(Code::Unreachable, message)
                .remedy(format!("go on with: --from {next}"))
                .into())
        }
        true | false => Ok(()),
    }
}

/// Reads to the end; tells whether the target has ended.
async fn pump(
    reads: &mut OutputReads,
    only: Option<StreamKind>,
    printer: &mut Printer,
) -> Result<bool, Failure> {
    while let Some(read) = reads.next().await? {
        match read {
            OutputRead::Piece { stream, offset, data } => {
                if only.is_none_or(|only| only == stream) {
                    printer.piece(stream, offset, data).await?;
                }
            }
            OutputRead::Ended(_) => return Ok(true),
        }
    }
    Ok(false)
}
