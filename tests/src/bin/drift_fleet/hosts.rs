//! The hosts that tell of what they hold.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use anyhow::{Context, Result};
use tamer_tests::bench::{self, Setting, join_token};
use tokio::sync::watch;

use crate::picture::{Picture, Version};
use crate::session::Host;
use crate::tally::Tally;

/// The hosts. They live until this is dropped.
pub struct Hosts {
    pub tally: Arc<Tally>,
    holds: Vec<watch::Sender<Option<Arc<Picture>>>>,
    all: bench::Hosts,
}

impl Deref for Hosts {
    type Target = bench::Hosts;

    fn deref(&self) -> &bench::Hosts {
        &self.all
    }
}

impl DerefMut for Hosts {
    fn deref_mut(&mut self) -> &mut bench::Hosts {
        &mut self.all
    }
}

impl Hosts {
    /// What the first `count` hosts will tell as their `counter`-th picture. Making it is no part
    /// of what is measured.
    pub fn prepare(count: usize, version: Version, counter: u64) -> Result<Vec<Arc<Picture>>> {
        (0..count).map(|number| Picture::of(number, version, counter).map(Arc::new)).collect()
    }

    /// They hold this from now on, and tell of it.
    pub fn tell(&self, pictures: Vec<Arc<Picture>>) {
        for (hold, picture) in self.holds.iter().zip(pictures) {
            hold.send_replace(Some(picture));
        }
    }
}

/// Joins `n` hosts that keep no inventory yet, and waits until all are ready.
pub async fn join(setting: &Setting, n: usize) -> Result<Hosts> {
    let token = join_token(&mut setting.control.clone(), n).await?;
    let tally = Arc::new(Tally::default());
    let (mut holds, mut hosts) = (Vec::new(), Vec::new());
    for _ in 0..n {
        let (hold, picture) = watch::channel(None);
        holds.push(hold);
        let mut epoch = [0; 16];
        getrandom::fill(&mut epoch).ok().context("random bytes")?;
        hosts.push(Host { epoch, picture, told: None, beats: 0, tally: tally.clone() });
    }
    let all = bench::join(setting, vec![token], hosts).await?;
    Ok(Hosts { tally, holds, all })
}
