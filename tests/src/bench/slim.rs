//! Many slim hosts in one process: they join, and dial again when their session ends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tamer_certs::{Credentials, JoinToken, Trust, client_config};
use tamer_proto::wire;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tonic::transport::Channel;

use super::coordinator::connect_counted;
use super::{Setting, Wire, enrol, patiently};

/// Hosts that join at once, as a rollout tool would start them.
const AT_ONCE: usize = 64;
/// Hosts a second that must join at the very least, or something hangs.
const SLOWEST: u64 = 20;
/// How a real agent dials again: the first wait and the longest, each drawn between none and all.
const REDIAL: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));

/// What a slim host says. It outlives its sessions, as what is on a disk does.
pub trait Slim: Send + 'static {
    /// Serves a session until it ends, and says how.
    fn session(&mut self, channel: Channel) -> impl Future<Output = Result<()>> + Send;
}

/// The hosts. They live until this is dropped.
pub struct Hosts {
    /// What went over all of their connections.
    pub wire: Arc<Wire>,
    /// How long it took until all of them were ready.
    pub joined_in: Duration,
    cuts: Vec<watch::Sender<bool>>,
    running: JoinSet<Result<()>>,
}

impl Hosts {
    /// How many there are.
    #[expect(clippy::len_without_is_empty, reason = "nobody measures no hosts")]
    pub fn len(&self) -> usize {
        self.cuts.len()
    }

    /// Closes the session of a host and keeps it silent, or lets it come back.
    ///
    /// # Errors
    /// When there is no such host.
    pub fn cut(&self, number: usize, cut: bool) -> Result<()> {
        self.cuts.get(number).context("no such host")?.send_replace(cut);
        Ok(())
    }

    /// Looks whether all of them are there: otherwise a figure would be of fewer hosts.
    ///
    /// # Errors
    /// When a host has given up.
    pub fn check(&mut self) -> Result<()> {
        match self.running.try_join_next() {
            Some(ended) => bail!("a host ended: {:?}", ended?),
            None => Ok(()),
        }
    }
}

/// What a slim host is called.
pub fn slim_name(number: usize) -> String {
    format!("host-{number}")
}

/// Joins hosts, each from nothing, and waits until all are ready. The tokens are used in turn.
///
/// # Errors
/// When one of them cannot join.
pub async fn join<S: Slim>(
    setting: &Setting,
    tokens: Vec<JoinToken>,
    slim: impl IntoIterator<Item = S>,
) -> Result<Hosts> {
    let began = Instant::now();
    let tokens: Vec<_> = tokens.into_iter().map(Arc::new).collect();
    let (turns, wire) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::new(Wire::default()));
    let (mut running, mut cuts) = (JoinSet::new(), Vec::new());
    for (number, slim) in slim.into_iter().enumerate() {
        let (cut, is_cut) = watch::channel(false);
        cuts.push(cut);
        let host = Joining {
            number,
            address: setting.coordinator.address,
            trust: setting.coordinator.trust.clone(),
            token: tokens[number % tokens.len()].clone(),
            turns: turns.clone(),
            wire: wire.clone(),
        };
        running.spawn(host.live(is_cut, slim));
    }
    let mut hosts = Hosts { wire, joined_in: Duration::ZERO, cuts, running };
    let limit = Duration::from_secs(60 + hosts.len() as u64 / SLOWEST);
    all_ready(setting, &mut hosts, limit).await?;
    hosts.joined_in = began.elapsed();
    Ok(hosts)
}

/// Waits until all of them are ready.
///
/// # Errors
/// When they are not in time, or one has given up.
pub async fn all_ready(setting: &Setting, hosts: &mut Hosts, limit: Duration) -> Result<()> {
    let (mut control, all) = (setting.control.clone(), hosts.len());
    let limit = Instant::now() + limit;
    loop {
        let ready = control.get_status(wire::GetStatusRequest {}).await?.into_inner().ready;
        if ready as usize == all {
            return Ok(());
        }
        hosts.check()?;
        ensure!(Instant::now() < limit, "{ready} of {all} hosts are ready");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

struct Joining {
    number: usize,
    address: SocketAddr,
    trust: Trust,
    token: Arc<JoinToken>,
    turns: Arc<Semaphore>,
    wire: Arc<Wire>,
}

impl Joining {
    /// Joins, and holds one session after the other.
    async fn live(self, mut cut: watch::Receiver<bool>, mut slim: impl Slim) -> Result<()> {
        let turn = self.turns.clone().acquire_owned().await?;
        let join = || enrol(self.address, &self.token, slim_name(self.number));
        let credentials = patiently(join).await?;
        let mut channel = patiently(|| self.dial(&credentials)).await?;
        drop(turn);
        loop {
            tokio::select! {
                // How it ended is the coordinator's affair: a host dials again.
                _ = slim.session(channel) => {}
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
            if let Ok(channel) = self.dial(credentials).await {
                return Ok(channel);
            }
            longest = (longest * 2).min(REDIAL.1);
        }
    }

    async fn dial(&self, credentials: &Credentials) -> Result<Channel> {
        let config = client_config(&self.trust, Some(credentials))?;
        connect_counted(self.address, config, self.wire.clone()).await
    }
}
