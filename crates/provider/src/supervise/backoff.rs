//! Pauses between questions to a technology that is away.

use std::time::Duration;

/// Pauses that double, each shortened by chance so that many providers do not ask in step.
pub(super) struct Backoff {
    least: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    pub const fn new(least: Duration, most: Duration) -> Self {
        Self { least, most, next: least }
    }

    /// The next pause: half of it to all of it.
    pub fn pause(&mut self) -> Duration {
        let pause = self.next.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.next = (self.next * 2).min(self.most);
        pause
    }

    /// It was there for a while: the next pause is short again.
    pub const fn reset(&mut self) {
        self.next = self.least;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_most() {
        let millis = Duration::from_millis;
        let mut backoff = Backoff::new(millis(250), millis(5000));
        for whole in [250, 500, 1000, 2000, 4000, 5000, 5000] {
            let pause = backoff.pause();
            assert!((millis(whole / 2)..=millis(whole)).contains(&pause), "{pause:?} of {whole}");
        }
        backoff.reset();
        assert!(backoff.pause() <= millis(250));
    }
}
