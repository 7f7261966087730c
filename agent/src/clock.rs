//! The agent's clock, read here and nowhere else.

use std::time::Duration;

use tamer_model::Timestamp;

/// A clock further off than this from the coordinator's is worth a warning.
pub const TOLERATED: Duration = Duration::from_secs(60);

/// Now, by this machine.
pub fn now() -> Timestamp {
    Timestamp::from_millis(tamer_clock::wall().as_millis() as u64)
}

/// How far this machine's clock is ahead of the coordinator's in milliseconds, when it is worth a
/// warning.
pub fn off(own: Timestamp, theirs: Timestamp) -> Option<i64> {
    let ahead = own.as_millis() as i64 - theirs.as_millis() as i64;
    (ahead.unsigned_abs() > TOLERATED.as_millis() as u64).then_some(ahead)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clock_that_is_far_off_is_told() {
        let at = Timestamp::from_millis;
        assert_eq!(off(at(100_000), at(130_000)), None);
        assert_eq!(off(at(3_700_000), at(100_000)), Some(3_600_000));
        assert_eq!(off(at(100_000), at(3_700_000)), Some(-3_600_000));
    }
}
