//! A command that runs in an instance.

use bytes::Bytes;
use futures_util::stream::BoxStream;
use tamer_model::{StreamKind, TerminalSize};
use tokio::sync::mpsc;

use crate::Result;

/// The longest piece of output or input that is passed on at once, in bytes.
pub const MAX_EXEC_CHUNK: usize = 32 * 1024;

/// What goes to the command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecInput {
    /// Bytes for its standard input.
    Data(Bytes),
    /// Nothing more comes.
    End,
    /// Its terminal has this size now.
    Resize(TerminalSize),
}

/// What comes from the command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecOutput {
    /// Bytes it wrote. With a terminal everything is standard output.
    Data(StreamKind, Bytes),
    /// It has ended, and everything it wrote was told. The last item. No code: ended by a signal,
    /// or the technology does not say.
    Ended(Option<i32>),
}

/// A command under way. Dropping it closes its input and forgets its output; whether that ends the
/// command is the technology's affair.
pub struct ExecSession {
    /// Input. Bounded: who sends waits for the command to read.
    pub input: mpsc::Sender<ExecInput>,
    /// Output. A reader that does not read stops the command in its next write.
    pub output: BoxStream<'static, Result<ExecOutput>>,
}
