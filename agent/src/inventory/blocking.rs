//! Collectors that read files: each look has a thread of its own, which may hang in the kernel.
//!
//! A read on a dead mount cannot be ended by anybody, and a thread of a pool that never comes back
//! would keep the agent from ending. So these threads are not joined: what such a one still finds is
//! thrown away, and its collector is not asked again before the thread has come back. There are at
//! most as many as there are collectors.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::oneshot;

use super::collect::{About, Collector, Fault};
use super::found::{Cover, Found, Full};
use super::pace::{Pace, Worker};

/// A look that blocks.
pub trait Look: Send + Sync + 'static {
    /// See [`Collector::marks`].
    fn marks(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Looks, and breathes between pieces of work.
    fn look(&self, found: &mut Found, worker: &mut Worker) -> Result<(), Stop>;
}

/// Why a look ended early.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// There is no room for more; what was found counts.
    #[error(transparent)]
    Full(#[from] Full),
    /// It cannot be looked at.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A collector that looks on a thread of its own.
pub struct Blocking<L> {
    about: About,
    look: Arc<L>,
    pace: Pace,
    /// Whether a thread has not come back.
    away: Arc<AtomicBool>,
}

impl<L: Look> Blocking<L> {
    /// The collector of this look.
    pub fn new(about: About, look: L, pace: Pace) -> Self {
        Self { about, look: Arc::new(look), pace, away: Arc::default() }
    }
}

#[async_trait::async_trait]
impl<L: Look> Collector for Blocking<L> {
    fn about(&self) -> &About {
        &self.about
    }

    fn marks(&self) -> Vec<PathBuf> {
        self.look.marks()
    }

    async fn collect(&self) -> Result<Found, Fault> {
        if self.away.swap(true, Ordering::AcqRel) {
            return Err(Fault::new("an earlier look has not come back from the kernel"));
        }
        let (told, found) = oneshot::channel();
        let (look, pace, limits) = (self.look.clone(), self.pace.clone(), self.about.limits);
        let back = Back(self.away.clone());
        let work = move || {
            let _back = back;
            let mut found = Found::within(limits);
            let ended = look.look(&mut found, &mut pace.worker());
            // Nobody waits when it was too late.
            let _ = told.send((found, ended));
        };
        let name = format!("look-{}", self.about.name);
        std::thread::Builder::new()
            .name(name)
            .spawn(work)
            .map_err(|error| Fault::new(format!("there is no thread to look with: {error}")))?;
        match found.await {
            Ok((found, Ok(()) | Err(Stop::Full(Full)))) => Ok(found),
            Ok((found, Err(Stop::Fault(fault)))) if found.is_empty() => Err(fault),
            Ok((mut found, Err(Stop::Fault(fault)))) => {
                found.miss(Cover::All, fault.why);
                Ok(found)
            }
            Err(_) => Err(Fault::new("the look broke; the agent's log says where")),
        }
    }
}

/// Says that a thread has come back, also when it broke.
struct Back(Arc<AtomicBool>);

impl Drop for Back {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use tamer_drift::Kind;
    use tokio::time::timeout;

    use super::*;
    use crate::inventory::collect::News;
    use crate::inventory::make::host;

    /// Waits for the word, as a read on a dead mount would.
    struct Dead(Mutex<Receiver<()>>);

    impl Look for Dead {
        fn look(&self, found: &mut Found, _: &mut Worker) -> Result<(), Stop> {
            let _ = self.0.lock().expect("no panic").recv();
            found.put(host(Kind::User, "late").done())?;
            Ok(())
        }
    }

    #[tokio::test]
    async fn one_that_hangs_is_not_asked_again_until_it_is_back() {
        let (alive, dead) = channel();
        let about = About::host("dead", [Kind::User], News::Polled);
        let collector = Blocking::new(about, Dead(Mutex::new(dead)), Pace::free());
        let soon = Duration::from_millis(50);
        timeout(soon, collector.collect()).await.expect_err("it hangs");
        let fault = timeout(soon, collector.collect()).await.expect("at once").expect_err("away");
        assert!(fault.to_string().contains("has not come back"), "{fault}");
        alive.send(()).expect("it waits");
        let back = async {
            while collector.away.load(Ordering::Acquire) {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(10), back).await.expect("it came back");
        alive.send(()).expect("nobody waits yet");
        assert_eq!(collector.collect().await.expect("found").len(), 1);
    }

    struct Broken;

    impl Look for Broken {
        fn look(&self, _: &mut Found, _: &mut Worker) -> Result<(), Stop> {
            panic!("a bug")
        }
    }

    #[tokio::test]
    async fn one_that_breaks_is_a_fault_and_may_be_asked_again() {
        let about = About::host("broken", [Kind::User], News::Polled);
        let collector = Blocking::new(about, Broken, Pace::free());
        for _ in 0..2 {
            let fault = collector.collect().await.expect_err("broken");
            assert!(fault.to_string().contains("broke"), "{fault}");
            let back = async {
                while collector.away.load(Ordering::Acquire) {
                    tokio::task::yield_now().await;
                }
            };
            timeout(Duration::from_secs(10), back).await.expect("it came back");
        }
    }
}
