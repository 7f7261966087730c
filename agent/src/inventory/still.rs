//! Until when a source is known to have been as it was told last: what is told as changed happened
//! after that. Pure. It decides nothing but what a change is attributed to.

use std::time::Duration;

use tamer_model::Timestamp;

/// The most by which a hint comes after what it tells of, as far as anybody can say.
const LATE: Duration = Duration::from_secs(1);

/// What is known of one source. Times are by this host's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct Still {
    /// Until when it was as the newest picture says; none when that is not known.
    at: Option<Timestamp>,
    /// When the last whole look began.
    seen: Option<Timestamp>,
    /// Whether it is another way than the newest picture says.
    changed: bool,
    /// Whether something happened since the last look: only the first hint says until when nothing did.
    hinted: bool,
    /// What is told of it.
    told: Option<Timestamp>,
}

impl Still {
    /// A hint came from a watch that tells everything of this source, while nobody looked.
    pub fn hint(&mut self, now: Timestamp) {
        if !self.changed && !self.hinted && self.at.is_some() {
            let late = now.as_millis().saturating_sub(LATE.as_millis() as u64);
            self.at = self.at.max(Some(Timestamp::from_millis(late)));
        }
        self.hinted = true;
    }

    /// A look that began then has ended. `whole`: it saw everything.
    pub fn looked(&mut self, began: Timestamp, whole: bool, changed: bool) {
        self.hinted = false;
        self.changed |= changed;
        if whole {
            self.seen = Some(began);
            if !self.changed {
                self.at = self.seen;
            }
        }
    }

    /// A picture is made. `taken`: the one before was told, and what changed before it is no news.
    pub fn publish(&mut self, taken: bool) -> Option<Timestamp> {
        self.told = if taken { self.at } else { self.told.min(self.at) };
        self.changed = false;
        self.at = self.seen;
        self.told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn a_change_happened_after_the_last_look_that_saw_none() {
        let mut still = Still::default();
        still.looked(at(10), true, true);
        assert_eq!(still.publish(true), None, "what was before the first look nobody knows");
        still.looked(at(30), true, false);
        still.looked(at(50), true, true);
        still.looked(at(70), true, true);
        assert_eq!(still.publish(true), Some(at(30)), "the first of what was not told yet");
        still.looked(at(90), true, true);
        assert_eq!(still.publish(true), Some(at(70)));
        still.looked(at(110), false, false);
        still.looked(at(130), true, true);
        assert_eq!(still.publish(true), Some(at(90)), "a look that missed something saw nothing");
    }

    #[test]
    fn a_picture_that_nobody_took_is_told_with_the_next() {
        let mut still = Still::default();
        still.looked(at(10), true, true);
        still.publish(true);
        still.looked(at(20), true, true);
        assert_eq!(still.publish(true), Some(at(10)));
        still.looked(at(30), true, true);
        assert_eq!(still.publish(false), Some(at(10)));
        still.looked(at(40), true, false);
        assert_eq!(still.publish(true), Some(at(40)));
    }

    #[test]
    fn the_first_hint_says_until_when_nothing_happened() {
        let mut still = Still::default();
        still.looked(at(10), true, true);
        still.publish(true);
        still.hint(at(500));
        still.hint(at(510));
        still.looked(at(511), true, true);
        assert_eq!(still.publish(true), Some(at(499)));
        let mut unknown = Still::default();
        unknown.hint(at(5));
        unknown.looked(at(6), true, true);
        assert_eq!(unknown.publish(true), None);
    }
}
