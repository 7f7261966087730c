//! Asking one instance once.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use tamer_model::{Check, ExecSpec, Health, HttpCheck, Instance, NativeId, Protocol, TcpCheck};
use tamer_provider::supervise::Supervised;
use tamer_provider::{ExecOutput, FaultKind, Provider as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Answer, http};
use crate::placements::words;

/// Bytes of a check's output that are kept: its last line is told.
const TAIL: usize = 8 * 1024;

/// What is asked, and where.
#[derive(Debug, Clone)]
pub struct Target {
    /// The instance.
    pub native: NativeId,
    /// Its addresses, as they are known.
    pub addresses: Vec<IpAddr>,
    /// What it publishes: the port in it, where on this host.
    pub published: Vec<(u16, SocketAddr)>,
    /// Whether it is on the host's own network.
    pub on_host: bool,
}

impl Target {
    /// The instance as its provider shows it.
    pub fn new(instance: &Instance, networks: &[String]) -> Self {
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let published = instance.ports.iter().filter(|port| port.protocol == Protocol::Tcp);
        let published = published.filter_map(|port| {
            Some((port.instance, SocketAddr::new(port.address.unwrap_or(local), port.host?)))
        });
        Self {
            native: instance.native.clone(),
            addresses: instance.addresses.clone(),
            published: published.collect(),
            on_host: networks.iter().any(|network| network == "host"),
        }
    }

    /// Where a port of it is reached: as it is published, which works wherever the technology runs,
    /// or at its own address.
    fn reach(&self, port: u16) -> Option<SocketAddr> {
        let published = self.published.iter().find(|(inside, _)| *inside == port);
        let published = published.map(|(_, address)| *address);
        let host = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let own = self.addresses.first().copied().or(self.on_host.then_some(host));
        published.or(own.map(|address| SocketAddr::new(address, port)))
    }
}

/// Asks, for as long as the check allows.
pub async fn ask(provider: Supervised, target: Target, health: Health) -> Answer {
    let limit = health.timeout.duration();
    let check = AssertUnwindSafe(carry_out(&provider, &target, &health.check, limit));
    match timeout(limit, check.catch_unwind()).await {
        Ok(Ok(answer)) => answer,
        // The provider's bug, which says nothing about the instance.
        Ok(Err(_)) => Answer::Unasked,
        Err(_) => Answer::Unwell(format!("no answer within {}", health.timeout)),
    }
}

async fn carry_out(
    provider: &Supervised,
    target: &Target,
    check: &Check,
    limit: Duration,
) -> Answer {
    match check {
        Check::Exec(argv) => exec(provider, &target.native, argv, limit).await,
        Check::Tcp(TcpCheck { port }) => match connect(target, *port).await {
            Ok(_) => Answer::Well,
            Err(why) => Answer::Unwell(why),
        },
        Check::Http(HttpCheck { port, path }) => match connect(target, *port).await {
            Ok((stream, address)) => http::get(stream, address, path).await,
            Err(why) => Answer::Unwell(why),
        },
    }
}

async fn connect(target: &Target, port: u16) -> Result<(TcpStream, SocketAddr), String> {
    let address = target.reach(port).ok_or_else(|| {
        format!("port {port} cannot be reached: it is not published, and no address is known")
    })?;
    let stream = TcpStream::connect(address).await;
    stream.map(|stream| (stream, address)).map_err(|error| format!("{address}: {error}"))
}

async fn exec(provider: &Supervised, id: &NativeId, argv: &[String], limit: Duration) -> Answer {
    let spec = ExecSpec {
        argv: argv.to_vec(),
        env: Default::default(),
        workdir: None,
        user: None,
        stdin: false,
        terminal: None,
    };
    let session = match provider.exec(id, &spec).await {
        Ok(session) => session,
        Err(fault) => return not_run(&fault),
    };
    let mut output = session.output;
    let mut tail = Vec::new();
    let read = async {
        while let Some(item) = output.next().await {
            match item {
                Ok(ExecOutput::Data(_, data)) => {
                    tail.extend_from_slice(&data);
                    let over = tail.len().saturating_sub(TAIL);
                    tail.drain(..over);
                }
                Ok(ExecOutput::Ended(code)) => return Ok(code),
                Err(fault) => return Err(not_run(&fault)),
            }
        }
        Ok(None)
    };
    match timeout(limit, read).await {
        Ok(Ok(Some(0))) => Answer::Well,
        Ok(Ok(code)) => {
            let code =
                code.map_or("ended by a signal".to_owned(), |code| format!("exited with {code}"));
            Answer::Unwell(words::with_log(
                &format!("its check {code}"),
                Some(&words::last_line(&tail)),
            ))
        }
        Ok(Err(answer)) => answer,
        Err(_) => Answer::Unwell("its check did not end in time".to_owned()),
    }
}

/// A check that was not run: whether that is the instance's fault.
fn not_run(fault: &tamer_provider::Fault) -> Answer {
    match fault.kind {
        // The technology's, or a moment's; that it does not run is seen without a check.
        FaultKind::Unavailable
        | FaultKind::Timeout
        | FaultKind::Conflict
        | FaultKind::ResourceExhausted => Answer::Unasked,
        FaultKind::NotFound
        | FaultKind::AlreadyExists
        | FaultKind::Unsupported
        | FaultKind::InvalidSpec
        | FaultKind::Permission
        | FaultKind::Failed => Answer::Unwell(words::bounded(format!("its check: {fault}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(addresses: &[&str], published: &[(u16, &str)], on_host: bool) -> Target {
        Target {
            native: "1".parse().expect("an id"),
            addresses: addresses.iter().map(|text| text.parse().expect("an address")).collect(),
            published: published
                .iter()
                .map(|(port, at)| (*port, at.parse().expect("an address")))
                .collect(),
            on_host,
        }
    }

    #[test]
    fn a_port_is_reached_where_it_is() {
        let reach = |target: Target| target.reach(80).map(|at| at.to_string());
        let published = [(80, "127.0.0.1:8080"), (81, "127.0.0.1:8081")];
        let both = target(&["10.0.0.2"], &published, false);
        assert_eq!(reach(both).as_deref(), Some("127.0.0.1:8080"));
        let own = target(&["10.0.0.2"], &published[1..], false);
        assert_eq!(reach(own).as_deref(), Some("10.0.0.2:80"));
        assert_eq!(reach(target(&[], &[], true)).as_deref(), Some("127.0.0.1:80"));
        assert_eq!(reach(target(&[], &[], false)), None);
    }
}
