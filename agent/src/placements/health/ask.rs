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

/// Bytes of a check's output that are read at all.
const MAX_OUTPUT: usize = 1 << 20;
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

/// Asks, for as long as the check allows. A command in the instance has that time from when its
/// technology runs it, which may take as long again.
pub async fn ask(provider: Supervised, target: Target, health: Health) -> Answer {
    let limit = health.timeout.duration();
    let check = async {
        match &health.check {
            Check::Exec(argv) => exec(&provider, &target.native, argv, limit).await,
            Check::Tcp(TcpCheck { port }) => {
                in_time(&health, answers(&target, *port, async |_, _| Answer::Well)).await
            }
            Check::Http(HttpCheck { port, path }) => {
                let get = async |stream, address| http::get(stream, address, path).await;
                in_time(&health, answers(&target, *port, get)).await
            }
        }
    };
    // A provider's bug says nothing about the instance.
    AssertUnwindSafe(check).catch_unwind().await.unwrap_or(Answer::Unasked)
}

async fn in_time(health: &Health, answer: impl Future<Output = Answer>) -> Answer {
    let late = |_| Answer::Unwell(format!("no answer within {}", health.timeout));
    timeout(health.timeout.duration(), answer).await.unwrap_or_else(late)
}

async fn answers(
    target: &Target,
    port: u16,
    then: impl AsyncFnOnce(TcpStream, SocketAddr) -> Answer,
) -> Answer {
    match connect(target, port).await {
        Ok((stream, address)) => then(stream, address).await,
        Err(why) => Answer::Unwell(why),
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
    let session = match timeout(limit, provider.exec(id, &spec)).await {
        Ok(Ok(session)) => session,
        Ok(Err(fault)) => return not_run(&fault),
        // A technology that hangs says nothing about its instances.
        Err(_) => return Answer::Unasked,
    };
    let mut output = session.output;
    let (mut tail, mut read_bytes) = (Vec::new(), 0);
    let read = async {
        while let Some(item) = output.next().await {
            match item {
                Ok(ExecOutput::Data(_, data)) => {
                    read_bytes += data.len();
                    if read_bytes > MAX_OUTPUT {
                        let why = "its check writes more than anybody reads";
                        return Err(Answer::Unwell(why.to_owned()));
                    }
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
    use std::sync::Arc;

    use tamer_model::Span;
    use tamer_provider::fake::Fake;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::providers::serving;

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

    fn health(check: Check) -> Health {
        Health {
            check,
            every: Span::from_secs(1),
            timeout: Span::from_secs(5),
            start_period: Span::from_secs(1),
            failures: 1,
            successes: 1,
        }
    }

    /// Listens on a port of its own, and answers whatever is asked with this.
    async fn server(answer: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(answer).await;
            }
        });
        address
    }

    async fn provider() -> (Supervised, Fake, CancellationToken) {
        let (stop, fake) = (CancellationToken::new(), Fake::new("fake".parse().expect("a name")));
        let registry = serving(Arc::new(fake.clone()), &stop).await;
        let provider = registry.iter().next().expect("one").clone();
        (provider, fake, stop)
    }

    #[tokio::test]
    async fn connections_and_answers_are_told_from_none() {
        let (provider, _, _stop) = provider().await;
        let good = server(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        let bad = server(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").await;
        let port = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let closed = port.local_addr().expect("an address");
        drop(port);
        let asked = async |at: SocketAddr, check: Check| {
            let published = vec![(80, at)];
            let target = Target { published, ..target(&[], &[], false) };
            ask(provider.clone(), target, health(check)).await
        };
        let tcp = || Check::Tcp(TcpCheck { port: 80 });
        let http = || Check::Http(HttpCheck { port: 80, path: "/up".to_owned() });
        assert_eq!(asked(good, tcp()).await, Answer::Well);
        assert_eq!(asked(good, http()).await, Answer::Well);
        assert_eq!(asked(bad, http()).await, Answer::Unwell(format!("{bad}/up answers 503")));
        for check in [tcp(), http()] {
            assert!(matches!(asked(closed, check).await, Answer::Unwell(_)));
        }
        let elsewhere = Check::Tcp(TcpCheck { port: 81 });
        assert!(matches!(asked(good, elsewhere).await, Answer::Unwell(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn commands_are_run_in_the_instance() {
        let (provider, fake, _stop) = provider().await;
        let native = fake.populate(1).remove(0);
        let target = Target { native, ..target(&[], &[], false) };
        let asked = async |argv: &[&str]| {
            let argv = argv.iter().map(|word| (*word).to_owned()).collect();
            ask(provider.clone(), target.clone(), health(Check::Exec(argv))).await
        };
        let unwell = |text: &str| Answer::Unwell(text.to_owned());
        assert_eq!(asked(&["print", "fine", ""]).await, Answer::Well);
        assert_eq!(asked(&["exit", "3"]).await, unwell("its check exited with 3"));
        assert_eq!(asked(&["sleep", "60"]).await, unwell("its check did not end in time"));
        let endless = unwell("its check writes more than anybody reads");
        assert_eq!(asked(&["endless"]).await, endless);
        assert!(matches!(asked(&["no-such"]).await, Answer::Unwell(_)));
        fake.hang();
        assert_eq!(asked(&["exit", "3"]).await, Answer::Unasked, "nobody answers");
        fake.unhang();
        fake.die();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(asked(&["exit", "3"]).await, Answer::Unasked, "nobody can say");
    }
}
