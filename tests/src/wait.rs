//! Waiting for a condition, with a limit, and with what was last seen when it did not come.

use std::thread::sleep;
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(50);

/// Looks until `look` gives a value, at most for `limit`. The error of a look says what it saw.
///
/// # Panics
/// With what was last seen, when the limit is over.
#[track_caller]
pub fn until<T>(what: &str, limit: Duration, look: impl FnMut() -> Result<T, String>) -> T {
    within(limit, look)
        .unwrap_or_else(|last| panic!("{what}: not within {limit:?}. Last seen: {last}"))
}

/// Like [`until`], for those who want to say more about the failure.
pub fn within<T>(
    limit: Duration,
    mut look: impl FnMut() -> Result<T, String>,
) -> Result<T, String> {
    let begun = Instant::now();
    loop {
        match look() {
            Ok(value) => return Ok(value),
            Err(last) if begun.elapsed() >= limit => return Err(last),
            Err(_) => sleep(POLL),
        }
    }
}
