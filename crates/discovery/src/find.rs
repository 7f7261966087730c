//! One search with an end, for commands.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::{Browser, Found, Interfaces, StartError, Wanted};

/// How long to listen on after something fits, for the other coordinators and addresses of the
/// same fleet: announcements and answers come within 120 ms (RFC 6762 §6).
const SETTLE: Duration = Duration::from_millis(500);

/// Searches for `limit` at most, and less when something in particular is wanted and found. Gives
/// every candidate, what fits first; none is no error. Takes a whole `limit` when nothing fits.
pub async fn find(
    interfaces: Interfaces,
    wanted: Wanted,
    limit: Duration,
) -> Result<Vec<Found>, StartError> {
    let browser = Browser::start(interfaces, wanted)?;
    let mut list = browser.watch();
    let until = Instant::now() + limit;
    if !wanted.is_specific() {
        tokio::time::sleep_until(until).await;
    } else if fits(&mut list, wanted, until).await {
        tokio::time::sleep_until(until.min(Instant::now() + SETTLE)).await;
    }
    let found = browser.found().to_vec();
    browser.stop().await;
    Ok(found)
}

async fn fits(list: &mut watch::Receiver<Arc<[Found]>>, wanted: Wanted, until: Instant) -> bool {
    // With an address, that is: one without is still being resolved.
    let reachable = |found: &Found| wanted.fits(found) && !found.addresses.is_empty();
    let fits = list.wait_for(|list| list.iter().any(reachable));
    matches!(timeout_at(until, fits).await, Ok(Ok(_)))
}
