//! A host: its technology, its disk, its line, and the agent that lives on it for now.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tamer_agent::placements::Replace;
use tamer_model::{HostId, HostName, JournalId};
use tamer_provider::fake::Fake;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::link::Line;

/// What it takes to die at any await point: a life that ends after so many more polls.
#[derive(Clone)]
pub struct Fate(Arc<AtomicI64>);

/// A task that dies when its fate says so.
pub struct Mortal<F> {
    life: Option<Pin<Box<F>>>,
    fate: Fate,
}

/// What every host has, whether its agent lives or not.
pub struct Machine {
    pub number: usize,
    pub id: HostId,
    pub name: HostName,
    pub journal: JournalId,
    pub folder: PathBuf,
    pub technology: Fake,
    pub line: Line,
}

/// A program that lives now.
pub struct Life {
    pub fate: Fate,
    pub task: AbortHandle,
    /// Whether it was told to die, which it does at one of its next await points.
    pub dies: bool,
}

impl Fate {
    pub fn new() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MAX)))
    }

    /// Dies after so many more polls.
    pub fn seal(&self, polls: u32) {
        self.0.store(i64::from(polls), Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.0.fetch_sub(1, Ordering::Relaxed) <= 0
    }
}

impl<F> Mortal<F> {
    pub fn new(life: F, fate: Fate) -> Self {
        Self { life: Some(Box::pin(life)), fate }
    }
}

impl<F: Future<Output = ()>> Future for Mortal<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.fate.is_over() {
            // Everything it owns goes with it, its tasks too.
            self.life = None;
            return Poll::Ready(());
        }
        match &mut self.life {
            Some(life) => life.as_mut().poll(context),
            None => Poll::Ready(()),
        }
    }
}

impl Life {
    /// Dies now, or after so many more polls at the latest a moment later.
    pub fn end(&self, polls: Option<u32>) {
        match polls {
            None => self.task.abort(),
            Some(polls) => self.fate.seal(polls),
        }
    }
}

/// A disk that takes its time and writes for sure; whoever dies meanwhile has written, or not.
pub fn slow_disk(seed: u64) -> Replace {
    let drawn = Arc::new(AtomicU64::new(seed));
    Arc::new(move |path, bytes| {
        let seed = drawn.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mut random = fastrand::Rng::with_seed(seed);
        Box::pin(async move {
            let most = if random.u8(..) < 8 { 300 } else { 4 };
            sleep(Duration::from_millis(random.u64(..most))).await;
            let mut new = path.clone().into_os_string();
            new.push(".new");
            std::fs::write(&new, bytes)?;
            std::fs::rename(&new, path)?;
            sleep(Duration::from_millis(random.u64(..most))).await;
            Ok(())
        })
    })
}
