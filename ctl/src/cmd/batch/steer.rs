//! `tamerctl batch pause|resume|cancel`.

use tamer_model::Code;

use crate::Session;
use crate::contract::Batch;
use crate::errors::Failure;
use crate::follow::Follower;
use crate::output::{Line, Tone};
use crate::view::View;
use crate::view::summary::summary;

/// Sends nothing more of it until it is resumed.
pub async fn pause(id: &str, session: &Session) -> Result<(), Failure> {
    let mut api = session.api().await?;
    let id = api.batch(id).await?.batch;
    let batch = api.pause_batch(&id).await?;
    let remedy = format!("nothing more is sent until `tamerctl batch resume {id}`");
    session.show(&batch, |_| vec![told(&batch, &remedy)])
}

/// Lets it go on.
pub async fn resume(id: &str, session: &Session) -> Result<(), Failure> {
    let mut api = session.api().await?;
    let id = api.batch(id).await?.batch;
    let batch = api.resume_batch(&id).await?;
    session.show(&batch, |_| vec![told(&batch, "it goes on")])
}

/// Ends what runs; what waits never starts.
pub async fn cancel(id: &str, no_wait: bool, session: &Session) -> Result<(), Failure> {
    let mut api = session.api().await?;
    let id = api.batch(id).await?.batch;
    let mut batch = match api.cancel_batch(&id).await {
        Ok(batch) => batch,
        // What has ended needs no cancelling: say how it ended.
        Err(problem) if problem.code == Code::WrongState => api.batch(&id).await?,
        Err(problem) => return Err(problem.into()),
    };
    if !no_wait && !batch.state.is_end() {
        (batch, _) = Follower::new(session, id, View::Quiet)?.run(api).await?;
    }
    session.show(&batch, |_| vec![summary(&batch)])
}

/// What was asked for, which the coordinator has written down. How the batch stands changes a
/// moment later, so the answer does not tell it.
fn told(batch: &Batch, what: &str) -> Line {
    Line::new(Tone::Strong, format!("{}: ", batch.batch)).and(Tone::Plain, what)
}
