//! `tamerctl host cordon|uncordon`.

use crate::Session;
use crate::contract::Host;
use crate::errors::Failure;
use crate::output::{Cell, Line, Tone};

/// Gives a host no new work, or gives it some again.
pub async fn run(
    host: &str,
    cordoned: bool,
    reason: &str,
    session: &Session,
) -> Result<(), Failure> {
    let host = session.api().await?.cordon_host(host, cordoned, reason).await?;
    session.show(&host, |_| {
        let now = if host.cordon.is_some() { "takes no new work" } else { "takes work" };
        vec![Line::plain(format!("{} {now}", host.name))]
    })
}

/// A host's state, and whether it is cordoned.
pub fn state(host: &Host) -> Cell {
    match (&host.cordon, host.state.as_str()) {
        (None, state) => Cell::state(state),
        (Some(_), "ready") => Cell::toned(Tone::Busy, "ready, cordoned"),
        (Some(_), state) => Cell::toned(Tone::of_state(state), &format!("{state}, cordoned")),
    }
}
