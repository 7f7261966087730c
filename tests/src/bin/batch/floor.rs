//! What nobody can be faster than: a message to every host over a live mutually authenticated
//! connection and one back, and `true` started once for each host on these cores.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;
use futures_util::future::try_join_all;
use tamer_tests::bench::Echo;
use tokio::runtime::Runtime;

use crate::contest::Contestant;

pub struct Floor {
    runtime: Runtime,
    echoes: Vec<Echo>,
}

impl Floor {
    pub fn start(hosts: usize) -> Result<Box<dyn Contestant>> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let echoes = runtime.block_on(Echo::connect(hosts))?;
        Ok(Box::new(Self { runtime, echoes }))
    }
}

impl Contestant for Floor {
    fn name(&self) -> String {
        "floor: fan-out over live mTLS connections, and spawning".to_owned()
    }

    fn once(&mut self) -> Result<Duration> {
        let began = Instant::now();
        self.runtime.block_on(try_join_all(self.echoes.iter_mut().map(Echo::round_trip)))?;
        let spawned = self.echoes.iter().map(|_| Command::new("true").spawn());
        for child in spawned.collect::<Vec<_>>() {
            child?.wait()?;
        }
        Ok(began.elapsed())
    }
}
