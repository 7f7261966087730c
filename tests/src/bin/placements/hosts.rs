//! The hosts that copies are placed on.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use anyhow::Result;
use tamer_certs::JoinToken;
use tamer_proto::wire;
use tamer_proto::wire::control_client::ControlClient;
use tamer_tests::bench::{self, Setting, Slim};
use tonic::transport::Channel;

use crate::held::Held;
use crate::session;
use crate::tally::Tally;

pub use tamer_tests::bench::slim_name as name;

/// Hosts differ in so many ways.
const GROUPS: usize = 20;

/// The hosts. They live until this is dropped.
pub struct Hosts {
    pub tally: Arc<Tally>,
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

/// Joins `n` hosts, each from nothing, and waits until all are ready.
pub async fn join(setting: &Setting, n: usize) -> Result<Hosts> {
    let mut control = setting.control.clone();
    let mut tokens = Vec::new();
    for group in 0..GROUPS {
        tokens.push(token(&mut control, group, n.div_ceil(GROUPS)).await?);
    }
    let tally = Arc::new(Tally::new());
    let hosts = (0..n).map(|_| Host { held: Held::default(), tally: tally.clone() });
    let all = bench::join(setting, tokens, hosts).await?;
    Ok(Hosts { tally, all })
}

struct Host {
    held: Held,
    tally: Arc<Tally>,
}

impl Slim for Host {
    async fn session(&mut self, channel: Channel) -> Result<()> {
        session::run(channel, &mut self.held, &self.tally).await
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
