//! A set of hosts, a bit each.

use super::HostIx;

/// A set of hosts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bits(Vec<u64>);

impl Bits {
    /// Puts one in, or takes it out.
    pub fn set(&mut self, host: HostIx, on: bool) {
        let (word, bit) = (host.at() / 64, 1 << (host.at() % 64));
        if on {
            if self.0.len() <= word {
                self.0.resize(word + 1, 0);
            }
            self.0[word] |= bit;
        } else if let Some(word) = self.0.get_mut(word) {
            *word &= !bit;
        }
    }

    /// Whether it is in.
    pub fn has(&self, host: HostIx) -> bool {
        self.0.get(host.at() / 64).is_some_and(|word| word & (1 << (host.at() % 64)) != 0)
    }

    /// Keeps what is in the other too.
    pub fn keep(&mut self, other: &Self) {
        for (at, word) in self.0.iter_mut().enumerate() {
            *word &= other.0.get(at).copied().unwrap_or_default();
        }
    }

    /// Whether none is in.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Those that are in, in their order.
    pub fn iter(&self) -> impl Iterator<Item = HostIx> {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros();
                left &= left.checked_sub(1)?;
                Some(HostIx(at as u32 * 64 + bit))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Bits, HostIx};

    #[test]
    fn it_is_a_set() {
        let mut bits = Bits::default();
        (0..130).for_each(|host| bits.set(HostIx(host), true));
        assert_eq!((bits.is_empty(), bits.iter().count()), (false, 130));
        bits.set(HostIx(64), false);
        bits.set(HostIx(200), true);
        assert!(!bits.has(HostIx(64)) && bits.has(HostIx(129)) && !bits.has(HostIx(130)));
        let mut other = Bits::default();
        for host in [3, 64, 129] {
            other.set(HostIx(host), true);
        }
        bits.keep(&other);
        assert_eq!(bits.iter().collect::<Vec<_>>(), [HostIx(3), HostIx(129)]);
    }
}
