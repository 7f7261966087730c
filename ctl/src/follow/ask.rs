//! What a person at the live view asks of the coordinator. It is asked beside the watch, so that a
//! coordinator that takes its time stops neither the picture nor the keys.

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use tamer_model::Problem;

use crate::api::{Api, OutputRead, Wanted};
use crate::contract::Batch;

/// What can be asked of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// To send nothing more.
    Pause,
    /// To go on.
    Resume,
    /// To end it.
    Cancel,
}

/// A question on its way: one at a time.
pub type Asking = BoxFuture<'static, (Ask, Result<Batch, Problem>)>;

/// The output of one target as it comes.
pub type Reading = BoxStream<'static, Result<OutputRead, Problem>>;

/// Asks it of the batch `id`.
pub fn ask(ask: Ask, mut api: Api, id: String) -> Asking {
    Box::pin(async move {
        let answer = match ask {
            Ask::Pause => api.pause_batch(&id).await,
            Ask::Resume => api.resume_batch(&id).await,
            Ask::Cancel => api.cancel_batch(&id).await,
        };
        (ask, answer)
    })
}

/// Reads what is wanted. A failure to begin is the first and last thing that comes.
pub fn read(mut api: Api, wanted: Wanted) -> Reading {
    let begin = async move {
        match api.read_output(wanted).await {
            Ok(reads) => reads.into_stream(),
            Err(problem) => stream::iter([Err(problem)]).boxed(),
        }
    };
    stream::once(begin).flatten().boxed()
}

impl Ask {
    /// What the person is told when it was done.
    pub const fn done(self) -> &'static str {
        match self {
            Self::Pause => "paused: nothing more is sent, and what runs goes on to its end",
            Self::Resume => "it goes on",
            Self::Cancel => "being cancelled: what runs is ended",
        }
    }
}
