//! A host: its technology, its disk, its line, and the agent that lives on it for now.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll};

use tamer_model::{HostId, HostName, JournalId};
use tamer_provider::fake::Fake;
use tokio::task::AbortHandle;

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
