//! How long certificates live, and when to renew them. Pure.

use std::time::Duration;

use tamer_model::Timestamp;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// How long what the authority issues is valid. Tests make them short; programs take the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// The CA certificate itself: 10 years.
    pub authority: Duration,
    /// A host's certificate: 24 hours; the agent renews it over its session.
    pub host: Duration,
    /// A user's certificate: 365 days.
    pub user: Duration,
    /// A coordinator's certificate: 30 days; it renews its own in process.
    pub coordinator: Duration,
    /// How far `not_before` of what is issued lies in the past: 2 hours, so that a peer whose
    /// clock is up to that much behind accepts a fresh certificate.
    pub backdate: Duration,
    /// The same for the CA certificate: 24 hours.
    pub authority_backdate: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            authority: 3652 * DAY,
            host: DAY,
            user: 365 * DAY,
            coordinator: 30 * DAY,
            backdate: 2 * HOUR,
            authority_backdate: DAY,
        }
    }
}

/// When to renew a certificate: at half its life, moved by up to a tenth of that either way so
/// that a fleet that joined together does not renew together. `jitter` is drawn from 0 to 1; what
/// lies outside is brought inside.
///
/// `from` is when the holder received the certificate, by the holder's clock (`not_before` is
/// backdated and would pull the renewal forward). Of a life that is already over, the answer is
/// `from`: now.
pub fn renew_at(from: Timestamp, not_after: Timestamp, jitter: f64) -> Timestamp {
    let jitter = if jitter.is_nan() { 0.5 } else { jitter.clamp(0.0, 1.0) };
    from.plus(not_after.since(from).mul_f64(0.45 + jitter * 0.1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn renewal_is_near_half_life(from in 0u64..1 << 45, life in 0u64..1 << 40, jitter: f64) {
            let at = renew_at(Timestamp::from_millis(from), Timestamp::from_millis(from + life), jitter);
            let share = at.as_millis() - from;
            prop_assert!(share as f64 >= life as f64 * 0.45 - 1.0, "{share} of {life}");
            prop_assert!(share as f64 <= life as f64 * 0.55 + 1.0, "{share} of {life}");
        }

        #[test]
        fn a_life_that_is_over_is_renewed_at_once(from: u64, earlier: u64, jitter in 0.0..1.0) {
            let (from, not_after) = (Timestamp::from_millis(from.max(earlier)), Timestamp::from_millis(from.min(earlier)));
            prop_assert_eq!(renew_at(from, not_after, jitter), from);
        }

        #[test]
        fn more_jitter_is_later(a in 0.0f64..1.0, b in 0.0f64..1.0) {
            let at = |jitter: f64| renew_at(Timestamp::from_millis(0), Timestamp::from_millis(86_400_000), jitter);
            let (early, late) = (at(a.min(b)), at(a.max(b)));
            prop_assert!(early <= late);
        }
    }
}
