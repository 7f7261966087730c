//! How often a session's tasks may tell how far they are.

/// What is passed on in a second: an agent runs 64 tasks at once, and each tells twice.
const EACH_SECOND: u32 = 128;

/// Passes on so much in a second, and leaves out the rest: what is left out is told again.
#[derive(Debug, Default)]
pub struct Pace {
    second: u64,
    told: u32,
}

impl Pace {
    /// Whether one more may pass at `now`, in milliseconds of the steady clock.
    pub fn allows(&mut self, now: u64) -> bool {
        if now / 1000 != self.second {
            (self.second, self.told) = (now / 1000, 0);
        }
        self.told = self.told.saturating_add(1);
        self.told <= EACH_SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_much_passes_in_a_second() {
        let mut pace = Pace::default();
        let passed = |pace: &mut Pace, now| (0..1000).filter(|_| pace.allows(now)).count();
        assert_eq!(passed(&mut pace, 0), 128);
        assert_eq!(passed(&mut pace, 999), 0);
        assert_eq!(passed(&mut pace, 1000), 128);
    }
}
