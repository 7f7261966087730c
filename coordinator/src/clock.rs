//! The coordinator's clocks: the only place that reads them, apart from tokio's timers.

use tamer_model::Timestamp;

pub use tamer_clock::random;

/// The wall clock.
pub fn now() -> Timestamp {
    Timestamp::from_millis(tamer_clock::wall().as_millis() as u64)
}

/// Milliseconds of the steady clock since the program began: for silence and waits, which must not
/// jump when somebody sets the wall clock.
pub fn steady() -> u64 {
    tamer_clock::steady().as_millis() as u64
}
