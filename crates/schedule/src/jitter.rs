//! How much later than due something begins: drawn, but always the same for the same occurrence.

use tamer_model::{ScheduleName, Timestamp};

/// Between 0 and `most` milliseconds. It depends on nothing but its arguments, today and in later
/// versions: a coordinator that was restarted waits for the same moment.
pub fn drawn(name: &ScheduleName, due: Timestamp, most: u64) -> u64 {
    // FNV-1a over both, then the finalizer of SplitMix64: the low bits of FNV alone are poor.
    let bytes = name.as_str().bytes().chain(due.as_millis().to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let hash = hash ^ (hash >> 31);
    match most.checked_add(1) {
        Some(values) => hash % values,
        None => hash,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_the_same_for_ever_and_spread() {
        let name: ScheduleName = "nightly".parse().expect("a name");
        let draws: Vec<_> = (0..1000)
            .map(|day| drawn(&name, Timestamp::from_millis(day * 86_400_000), 999))
            .collect();
        assert_eq!(draws[..4], [844, 306, 408, 940], "these must never change");
        let tenths = draws.iter().fold([0; 10], |mut tenths, draw| {
            tenths[(draw / 100) as usize] += 1;
            tenths
        });
        assert!(tenths.iter().all(|count| (60..140).contains(count)), "{tenths:?}");
        assert_eq!(drawn(&name, Timestamp::from_millis(5), 0), 0);
    }
}
