//! `tamerctl batch retry`: the same again where it did not succeed.

use tamer_model::EndKind;

use super::super::start;
use super::follow;
use crate::Session;
use crate::contract::Batch;
use crate::errors::Failure;
use crate::follow::insist;
use crate::output::print;
use crate::spec::values;

/// What is tried again unless it is said: everything but what succeeded, and what was interrupted,
/// because an interrupted command may have done its work.
const USUAL: [EndKind; 5] = [
    EndKind::Failed,
    EndKind::TimedOut,
    EndKind::Cancelled,
    EndKind::Refused,
    EndKind::NeverStarted,
];

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its id, or `last`
    batch: String,
    /// Where it ended in one of these ways: failed, timed-out, cancelled, refused, interrupted,
    /// never-started, unreachable, succeeded [default: all but succeeded and interrupted]
    #[arg(long, value_name = "END,…", value_delimiter = ',', value_parser = values::end)]
    ends: Vec<EndKind>,
    /// Start it, print its id, and do not wait
    #[arg(short, long)]
    detach: bool,
}

/// Runs it.
pub async fn run(Args { batch, ends, detach }: Args, session: &Session) -> Result<(), Failure> {
    let mut api = session.api().await?;
    let earlier = api.batch(&batch).await?;
    if ends.is_empty() {
        warn(&earlier);
    }
    let ends = if ends.is_empty() { USUAL.to_vec() } else { ends };
    // Drawn once: a lost answer never makes two of it.
    let request = format!("{:032x}", fastrand::u128(..));
    let again = insist(session, &mut api, async |api| {
        api.retry_batch(&earlier.batch, &ends, &request).await
    });
    let batch = again.await?.batch;
    if detach {
        return start::detached(batch, session);
    }
    start::ended(&follow(batch, api, session).await?)
}

fn warn(earlier: &Batch) {
    let interrupted = earlier.counts.interrupted;
    if interrupted > 0 {
        print::note(&format!(
            "{interrupted} that were interrupted are left out: their commands may have done their work; add --ends interrupted to run them again"
        ));
    }
}
