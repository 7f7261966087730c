//! The order in which targets come, and what is drawn for each.

use tamer_model::{Amount, Order, Rollout};

/// The places of `names` in the order that the spec asks for.
pub fn order(spec: &Rollout, names: &[String]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..names.len()).collect();
    places.sort_by(|a, b| names[*a].cmp(&names[*b]));
    match spec.order {
        Order::Name => {}
        Order::Reverse => places.reverse(),
        Order::Random => {
            // A name keeps its draw whoever else is among the targets.
            places.sort_by_cached_key(|place| drawn(spec.seed, names[*place].as_bytes()));
        }
    }
    places
}

/// The places of so many of `names`, drawn with the seed. A name keeps its draw whoever else is among
/// them: asking again with the same seed means the same ones, as far as they are still there.
pub fn sample(amount: Amount, seed: u64, names: &[String]) -> Vec<usize> {
    let size = amount.size_of(u32::try_from(names.len()).unwrap_or(u32::MAX)) as usize;
    let mut places: Vec<usize> = (0..names.len()).collect();
    places.sort_by_cached_key(|place| drawn(seed ^ 0x7361_6d70_6c65, names[*place].as_bytes()));
    places.truncate(size);
    places.sort_unstable();
    places
}

/// How long after the beginning of its wave the target at `place` is sent to, in milliseconds.
pub(crate) fn jitter(spec: &Rollout, place: usize) -> u64 {
    match spec.jitter_ms {
        0 => 0,
        most => drawn(spec.seed ^ 0x6a69_7474_6572, &place.to_le_bytes()) % most,
    }
}

/// A number that depends on the seed and the bytes alone: FNV-1a, and the finish of splitmix64.
/// Written out, because it must be the same in every version.
fn drawn(seed: u64, bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ seed;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("host{n:03}")).collect()
    }

    #[test]
    fn a_seed_is_an_order() {
        let spec = |order, seed| Rollout { order, seed, ..Rollout::default() };
        let names = names(50);
        assert_eq!(order(&spec(Order::Name, 0), &names)[..3], [0, 1, 2]);
        assert_eq!(order(&spec(Order::Reverse, 0), &names)[..3], [49, 48, 47]);
        let drawn = order(&spec(Order::Random, 7), &names);
        assert_eq!(drawn, order(&spec(Order::Random, 7), &names));
        assert_ne!(drawn, order(&spec(Order::Random, 8), &names));
        // The same for ever: a batch outlives the version that made it.
        assert_eq!(drawn[..5], [7, 22, 43, 3, 18]);
        let mut sorted = drawn;
        sorted.sort_unstable();
        assert_eq!(sorted, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn jitter_is_spread_and_bounded() {
        let spec = Rollout { jitter_ms: 1000, ..Rollout::default() };
        let all: Vec<_> = (0..1000).map(|place| jitter(&spec, place)).collect();
        assert!(all.iter().all(|ms| *ms < 1000));
        let early = all.iter().filter(|ms| **ms < 500).count();
        assert!((400..600).contains(&early), "{early} of 1000 in the first half");
    }
}
