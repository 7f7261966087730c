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

/// A host's state, and whether it is cordoned or drained.
pub fn state(host: &Host) -> Cell {
    let also = match (&host.cordon, &host.drain) {
        (_, Some(_)) => ", draining",
        (Some(_), None) => ", cordoned",
        (None, None) => return Cell::state(&host.state),
    };
    let tone = match host.state.as_str() {
        "ready" => Tone::Busy,
        state => Tone::of_state(state),
    };
    Cell::toned(tone, &format!("{}{also}", host.state))
}
