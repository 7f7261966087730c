//! Where one wave ends and the next begins.

use std::ops::Range;

use tamer_model::{Rollout, WaveSizes};

/// The waves of a batch, as ranges of places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waves(Vec<Range<usize>>);

impl Waves {
    /// Cuts `targets` places into waves.
    pub fn new(spec: &Rollout, targets: usize) -> Self {
        let total = u32::try_from(targets).unwrap_or(u32::MAX);
        let mut waves = Vec::new();
        let mut from = 0;
        let mut push = |size: u32| {
            let to = targets.min(from + size.max(1) as usize);
            waves.push(from..to);
            from = to;
            from < targets
        };
        if targets == 0 {
            return Self(waves);
        }
        let mut more = spec.canary.is_none_or(|canary| push(canary.size_of(total)));
        let mut number = 0_u32;
        while more {
            let size = match &spec.waves {
                WaveSizes::One => total,
                WaveSizes::Each(size) => size.size_of(total),
                WaveSizes::Listed(sizes) => {
                    let size = sizes.get(number as usize).or(sizes.last());
                    size.map_or(total, |size| size.size_of(total))
                }
                WaveSizes::Doubling(first) => first
                    .size_of(total)
                    .max(1)
                    .saturating_mul(1_u32.checked_shl(number).unwrap_or(u32::MAX)),
            };
            more = push(size);
            number += 1;
        }
        Self(waves)
    }

    /// Every wave, first to last.
    pub fn all(&self) -> &[Range<usize>] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use tamer_model::Amount;

    use super::*;

    fn sizes(canary: Option<&str>, waves: WaveSizes, targets: usize) -> Vec<usize> {
        let canary = canary.map(|text| text.parse().expect("an amount"));
        let waves = Waves::new(&Rollout { canary, waves, ..Rollout::default() }, targets);
        waves.all().iter().map(ExactSizeIterator::len).collect()
    }

    #[test]
    fn waves_are_cut_as_asked() {
        let amount = |text: &str| text.parse::<Amount>().expect("an amount");
        assert_eq!(sizes(None, WaveSizes::One, 7), [7]);
        assert_eq!(sizes(Some("1"), WaveSizes::One, 7), [1, 6]);
        assert_eq!(sizes(Some("1"), WaveSizes::Each(amount("3")), 8), [1, 3, 3, 1]);
        assert_eq!(sizes(None, WaveSizes::Each(amount("25%")), 10), [3, 3, 3, 1]);
        assert_eq!(sizes(None, WaveSizes::Doubling(amount("1")), 20), [1, 2, 4, 8, 5]);
        let listed = WaveSizes::Listed(vec![amount("1"), amount("10%"), amount("50%")]);
        assert_eq!(sizes(None, listed, 100), [1, 10, 50, 39]);
        assert_eq!(sizes(Some("5"), WaveSizes::One, 0), [] as [usize; 0]);
    }

    proptest! {
        #[test]
        fn every_target_is_in_one_wave(
            canary in proptest::option::of(1u32..50), size in 1u32..50, doubling: bool, targets in 0usize..500
        ) {
            let size = Amount::Count(size);
            let waves = if doubling { WaveSizes::Doubling(size) } else { WaveSizes::Each(size) };
            let spec = Rollout { canary: canary.map(Amount::Count), waves, ..Rollout::default() };
            let mut next = 0;
            for wave in Waves::new(&spec, targets).all() {
                prop_assert_eq!(wave.start, next);
                prop_assert!(wave.end > wave.start);
                next = wave.end;
            }
            prop_assert_eq!(next, targets);
        }
    }
}
