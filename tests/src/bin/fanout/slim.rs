//! Many real sessions in one process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use tamer_certs::client_config;
use tamer_proto::wire;
use tamer_tests::bench::{Setting, connect, enrol, join_token, patiently};
use tokio::task::JoinSet;

use crate::session;
use crate::tally::Tally;

/// Agents that join at once, as a rollout tool would start them.
const AT_ONCE: usize = 64;
/// Agents a second that must join at the very least, or something hangs.
const SLOWEST: u64 = 20;

/// The agents. They live until this is dropped.
pub struct Slim {
    pub tally: Arc<Tally>,
    /// How many of them have a name that [`Slim::LIVE`] selects.
    pub live: usize,
    pub joined_in: Duration,
    sessions: JoinSet<Result<()>>,
}

impl Slim {
    /// Selects the agents that write live.
    pub const LIVE: &str = "name=live-*";

    /// Fails when an agent's session has ended: then a figure would be of fewer agents.
    pub fn check(&mut self) -> Result<()> {
        match self.sessions.try_join_next() {
            Some(ended) => bail!("an agent ended: {:?}", ended?),
            None => Ok(()),
        }
    }
}

/// Joins `n` agents, each from nothing, and waits until all are ready.
pub async fn join(setting: &Setting, n: usize, live: usize) -> Result<Slim> {
    let began = Instant::now();
    let mut control = setting.control.clone();
    let token = Arc::new(join_token(&mut control, n).await?);
    let turns = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
    let tally = Arc::new(Tally::new());
    let mut sessions = JoinSet::new();
    for number in 0..n {
        let (token, turns, tally) = (token.clone(), turns.clone(), tally.clone());
        let (address, trust) = (setting.coordinator.address, setting.coordinator.trust.clone());
        let kind = if number < live { "live" } else { "slim" };
        sessions.spawn(async move {
            let turn = turns.acquire_owned().await?;
            let credentials =
                patiently(|| enrol(address, &token, format!("{kind}-{number}"))).await?;
            let channel = patiently(|| async {
                connect(address, client_config(&trust, Some(&credentials))?).await
            })
            .await?;
            drop(turn);
            session::run(channel, &tally).await
        });
    }
    let mut slim = Slim { tally, live, joined_in: Duration::ZERO, sessions };
    let limit = Instant::now() + Duration::from_secs(60 + n as u64 / SLOWEST);
    loop {
        let ready = control.get_status(wire::GetStatusRequest {}).await?.into_inner().ready;
        if ready as usize == n {
            slim.joined_in = began.elapsed();
            return Ok(slim);
        }
        slim.check()?;
        ensure!(Instant::now() < limit, "{ready} of {n} agents became ready");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
