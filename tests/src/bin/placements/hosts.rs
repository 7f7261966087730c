//! Many slim hosts in one process: they join, and dial again when their session ends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tamer_certs::{Credentials, JoinToken, Trust, client_config};
use tamer_proto::wire;
use tamer_proto::wire::control_client::ControlClient;
use tamer_tests::bench::{Setting, connect, enrol, patiently};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tonic::transport::Channel;

use crate::held::Held;
use crate::session;
use crate::tally::Tally;

/// Hosts that join at once, as a rollout tool would start them.
const AT_ONCE: usize = 64;
/// Hosts a second that must join at the very least, or something hangs.
const SLOWEST: u64 = 20;
/// Hosts differ in so many ways.
const GROUPS: usize = 20;
/// How a real agent dials again: the first wait and the longest, each drawn between none and all.
const REDIAL: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));

/// The hosts. They live until this is dropped.
pub struct Hosts {
    pub tally: Arc<Tally>,
    pub joined_in: Duration,
    cuts: Vec<watch::Sender<bool>>,
    running: JoinSet<Result<()>>,
}

impl Hosts {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.cuts.len()
    }

    /// Closes the session of a host and keeps it silent, or lets it come back.
    pub fn cut(&self, number: usize, cut: bool) -> Result<()> {
        self.cuts.get(number).context("no such host")?.send_replace(cut);
        Ok(())
    }

    /// Fails when a host has given up: then a figure would be of fewer hosts.
    pub fn check(&mut self) -> Result<()> {
        match self.running.try_join_next() {
            Some(ended) => bail!("a host ended: {:?}", ended?),
            None => Ok(()),
        }
    }
}

/// What a host is called.
pub fn name(number: usize) -> String {
    format!("host-{number}")
}

/// Joins `n` hosts, each from nothing, and waits until all are ready.
pub async fn join(setting: &Setting, n: usize) -> Result<Hosts> {
    let began = Instant::now();
    let mut control = setting.control.clone();
    let mut tokens = Vec::new();
    for group in 0..GROUPS {
        tokens.push(Arc::new(token(&mut control, group, n.div_ceil(GROUPS)).await?));
    }
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let tally = Arc::new(Tally::new());
    let (mut running, mut cuts) = (JoinSet::new(), Vec::new());
    for number in 0..n {
        let (cut, is_cut) = watch::channel(false);
        cuts.push(cut);
        let host = Joining {
            number,
            address: setting.coordinator.address,
            trust: setting.coordinator.trust.clone(),
            token: tokens[number % GROUPS].clone(),
            turns: turns.clone(),
        };
        running.spawn(host.live(is_cut, tally.clone()));
    }
    let mut hosts = Hosts { tally, joined_in: Duration::ZERO, cuts, running };
    let limit = Instant::now() + Duration::from_secs(60 + n as u64 / SLOWEST);
    loop {
        let ready = control.get_status(wire::GetStatusRequest {}).await?.into_inner().ready;
        if ready as usize == n {
            hosts.joined_in = began.elapsed();
            return Ok(hosts);
        }
        hosts.check()?;
        ensure!(Instant::now() < limit, "{ready} of {n} hosts became ready");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A token for the hosts of a group: ten zones, half of the hosts of the newer generation, and one
/// in twenty without the storage that copies need.
async fn token(
    control: &mut ControlClient<Channel>,
    group: usize,
    uses: usize,
) -> Result<JoinToken> {
    let labels = [
        ("zone", format!("z{}", group % 10)),
        ("generation", if group < GROUPS / 2 { "new" } else { "old" }.to_owned()),
        ("storage", if group == GROUPS - 1 { "hdd" } else { "ssd" }.to_owned()),
    ];
    let request = wire::CreateTokenRequest {
        uses: uses as u32,
        labels: labels.map(|(key, value)| (key.to_owned(), value)).into(),
        ..Default::default()
    };
    Ok(control.create_token(request).await?.into_inner().token.parse()?)
}

struct Joining {
    number: usize,
    address: SocketAddr,
    trust: Trust,
    token: Arc<JoinToken>,
    turns: Arc<Semaphore>,
}

impl Joining {
    /// Joins, and holds one session after the other.
    async fn live(self, mut cut: watch::Receiver<bool>, tally: Arc<Tally>) -> Result<()> {
        let turn = self.turns.clone().acquire_owned().await?;
        let join = || enrol(self.address, &self.token, name(self.number));
        let credentials = patiently(join).await?;
        let mut held = Held::default();
        let mut channel = patiently(|| dial(self.address, &self.trust, &credentials)).await?;
        drop(turn);
        loop {
            tokio::select! {
                // How it ended is the coordinator's affair: a host dials again.
                _ = session::run(channel, &mut held, &tally) => {}
                _ = cut.wait_for(|cut| *cut) => {}
            }
            channel = self.again(&mut cut, &credentials).await?;
        }
    }

    /// Dials until there is a connection, as a real agent does; not while it is cut off.
    async fn again(
        &self,
        cut: &mut watch::Receiver<bool>,
        credentials: &Credentials,
    ) -> Result<Channel> {
        let mut longest = REDIAL.0;
        loop {
            cut.wait_for(|cut| !*cut).await?;
            tokio::time::sleep(longest.mul_f64(fastrand::f64())).await;
            if let Ok(channel) = dial(self.address, &self.trust, credentials).await {
                return Ok(channel);
            }
            longest = (longest * 2).min(REDIAL.1);
        }
    }
}

async fn dial(address: SocketAddr, trust: &Trust, credentials: &Credentials) -> Result<Channel> {
    connect(address, client_config(trust, Some(credentials))?).await
}
