//! From counters to rates: two samples of one instance make one, or none rather than a wrong one.

use tamer_model::InstanceStats;

/// What an instance used between two samples. A part is absent when a technology does not count
/// it, or when it was counted anew in between.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rates {
    /// Of one processor: 150 is one and a half of them.
    pub cpu_percent: Option<f64>,
    /// Bytes a second.
    pub received: Option<f64>,
    /// Bytes a second.
    pub sent: Option<f64>,
    /// Bytes a second.
    pub read: Option<f64>,
    /// Bytes a second.
    pub written: Option<f64>,
}

/// The rates between `before` and `after`. A clock that did not move forward makes no rate, and
/// an instance that began anew makes none at all: one counter that went back says so of all.
pub fn rates(before: &InstanceStats, after: &InstanceStats) -> Rates {
    let millis = after.at.as_millis().saturating_sub(before.at.as_millis());
    let pairs = [
        (before.cpu_ns, after.cpu_ns),
        (before.network_received_bytes, after.network_received_bytes),
        (before.network_sent_bytes, after.network_sent_bytes),
        (before.block_read_bytes, after.block_read_bytes),
        (before.block_written_bytes, after.block_written_bytes),
    ];
    let anew = pairs.iter().any(|(before, after)| before.zip(*after).is_some_and(|(b, a)| a < b));
    if millis == 0 || anew {
        return Rates::default();
    }
    let seconds = millis as f64 / 1000.0;
    let [cpu, received, sent, read, written] = pairs.map(|(before, after)| {
        let (before, after) = before.zip(after)?;
        Some((after - before) as f64 / seconds)
    });
    // Nanoseconds a second are ten-millionths of a percent.
    let cpu_percent = cpu.map(|nanos| nanos / 1e7);
    Rates { cpu_percent, received, sent, read, written }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tamer_model::Timestamp;

    use super::*;

    fn sample(at: u64, cpu: u64, received: u64) -> InstanceStats {
        InstanceStats {
            at: Timestamp::from_millis(at),
            cpu_ns: Some(cpu),
            network_received_bytes: Some(received),
            ..InstanceStats::default()
        }
    }

    #[test]
    fn two_samples_make_a_rate() {
        let told = rates(&sample(1000, 0, 100), &sample(3000, 3_000_000_000, 2100));
        assert_eq!(told.cpu_percent, Some(150.0));
        assert_eq!(told.received, Some(1000.0));
        assert_eq!(told.sent, None, "not counted");
    }

    #[test]
    fn what_was_counted_anew_makes_none() {
        // The processor's counter passed its old value again; the network's tells on it.
        let restarted = rates(&sample(1000, 5, 9000), &sample(2000, 7, 10));
        assert_eq!(restarted, Rates::default());
        assert_eq!(rates(&sample(2000, 0, 0), &sample(2000, 9, 9)), Rates::default(), "no time");
        assert_eq!(rates(&sample(2000, 0, 0), &sample(1000, 9, 9)), Rates::default(), "backwards");
    }

    proptest! {
        #[test]
        fn no_rate_is_negative_or_endless(
            a in any::<[u64; 3]>(), b in any::<[u64; 3]>()
        ) {
            let told = rates(&sample(a[0], a[1], a[2]), &sample(b[0], b[1], b[2]));
            for rate in [told.cpu_percent, told.received].into_iter().flatten() {
                prop_assert!(rate >= 0.0 && rate.is_finite());
            }
        }
    }
}
