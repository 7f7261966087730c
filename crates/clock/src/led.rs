//! What a test says on its thread, and everywhere else what the machine says.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::time::Duration;

use tokio::time::Instant;

use crate::real;

/// When a led clock begins: 1 January 2030.
const BEGINNING: Duration = Duration::from_secs(1_893_456_000);

thread_local! {
    static LED: RefCell<Option<Led>> = const { RefCell::new(None) };
}

struct Led {
    began: Instant,
    /// When the program began whose steady clock this is.
    steady: Instant,
    random: fastrand::Rng,
}

/// The clocks of this thread are led until it is dropped.
#[must_use]
#[derive(Debug)]
pub struct Lead(PhantomData<*const ()>);

/// From now on the clocks of this thread follow tokio's, and its randomness comes from `seed`: also
/// that of `fastrand`, which backoffs draw from. Needs a runtime on this thread, of which the clock
/// is followed.
pub fn lead(seed: u64) -> Lead {
    fastrand::seed(seed);
    let random = fastrand::Rng::with_seed(seed.rotate_left(32) ^ 0x7461_6d65);
    let began = Instant::now();
    LED.set(Some(Led { began, steady: began, random }));
    Lead(PhantomData)
}

/// A program begins on this thread, which is led: its steady clock starts anew.
pub fn begin() {
    LED.with_borrow_mut(|led| {
        if let Some(led) = led {
            led.steady = Instant::now();
        }
    });
}

impl Drop for Lead {
    fn drop(&mut self) {
        LED.set(None);
    }
}

/// The wall clock: how long ago 1970 was, in UTC.
pub fn wall() -> Duration {
    let led = LED.with_borrow(|led| led.as_ref().map(|led| BEGINNING + led.began.elapsed()));
    led.unwrap_or_else(real::wall)
}

/// The steady clock since the program began, or rather since it asked first: for silence and waits,
/// which must not jump when somebody sets the wall clock.
pub fn steady() -> Duration {
    let led = LED.with_borrow(|led| led.as_ref().map(|led| led.steady.elapsed()));
    led.unwrap_or_else(real::steady)
}

/// Random bytes for ids, from the operating system.
pub fn random<const N: usize>() -> [u8; N] {
    let led = LED.with_borrow_mut(|led| {
        let mut bytes = [0; N];
        led.as_mut().map(|led| led.random.fill(&mut bytes))?;
        Some(bytes)
    });
    led.unwrap_or_else(real::random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_led_thread_has_the_time_and_the_chance_that_it_is_given() {
        let drawn = |seed| {
            let _lead = lead(seed);
            (random::<8>(), fastrand::u64(..))
        };
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        let lead = lead(1);
        let hour = Duration::from_secs(3600);
        tokio::time::advance(hour).await;
        assert_eq!((wall(), steady()), (BEGINNING + hour, hour));
        begin();
        assert_eq!((wall(), steady()), (BEGINNING + hour, Duration::ZERO));
        // Other threads have the machine's time.
        let other = std::thread::spawn(wall).join().expect("a thread");
        assert!(other < BEGINNING, "{other:?}");
        drop(lead);
        assert!(wall() < BEGINNING);
    }
}
