//! Containers as instances.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tamer_model::{
    Instance, InstanceKind, InstanceState, MANAGED_LABEL, MAX_INSTANCE_LABELS, NativeId, Port,
    Protocol, Timestamp,
};
use tamer_provider::{Fault, FaultKind, Result};
use tokio::time::{Instant, sleep};

use crate::checkpoint;
use crate::client::Ask;
use crate::engine::Engine;
use crate::items::items;
use crate::lifecycle::inspect;
use crate::wire::{Summary, SummaryPort};

/// How many containers that ended by SIGKILL are looked at more closely in one list: only an
/// inspection tells whether memory ran out. The rest are told as ended, without that reason.
const CLOSE_LOOKS: usize = 256;
/// How many of those looks are under way at once.
const LOOKS_AT_ONCE: usize = 8;
/// How long a list may lag behind what an inspection tells. Docker tells that a container ended,
/// unmounts what it had, and only then shows it in lists as ended, with no further event.
const LAG: Duration = Duration::from_secs(5);
/// How often a list that lags is read again.
const LAG_EVERY: Duration = Duration::from_millis(20);
/// 128 and SIGKILL.
const KILLED: i32 = 137;

/// Every container, by id.
pub(crate) async fn list(engine: &Engine) -> Result<Vec<Instance>> {
    let ask = Ask::get(&["containers", "json"]).query("all", "true");
    let mut all = fetch(engine, "list its containers", ask).await?;
    explain_killed(engine, &mut all).await?;
    all.sort_unstable_by(|a, b| a.native.cmp(&b.native));
    Ok(all)
}

/// One container. Read from the list too, so that both tell the same; and inspected before, so that
/// a list which lags behind is not believed.
pub(crate) async fn get(engine: &Engine, id: &NativeId) -> Result<Instance> {
    let filter = serde_json::json!({ "id": [id.as_str()] }).to_string();
    let doing = format!("look at {id}");
    let late = Instant::now() + LAG;
    loop {
        let now = standing(&inspect(engine, id).await?.state.status, None).0;
        let ask = Ask::get(&["containers", "json"]).query("all", "true").query("filters", &filter);
        let mut found = fetch(engine, &doing, ask).await?;
        found.retain(|instance| instance.native == *id);
        if found.iter().all(|instance| instance.state == now) || Instant::now() >= late {
            explain_killed(engine, &mut found).await?;
            return found.pop().ok_or_else(|| missing(id));
        }
        sleep(LAG_EVERY).await;
    }
}

/// There is no such container.
pub(crate) fn missing(id: &NativeId) -> Fault {
    Fault::new(FaultKind::NotFound, format!("there is no container {id}"))
}

async fn fetch(engine: &Engine, doing: &str, ask: Ask) -> Result<Vec<Instance>> {
    let answer = engine.client.ask(doing, ask).await?;
    let summaries = items::<Summary>(answer);
    summaries.map_ok(instance).try_filter_map(|read| async { Ok(read) }).try_collect().await
}

/// Tells apart who was killed because memory ran out.
async fn explain_killed(engine: &Engine, all: &mut [Instance]) -> Result<()> {
    let killed = all.iter_mut().filter(|instance| {
        instance.state == InstanceState::Stopped && instance.exit_code == Some(KILLED)
    });
    stream::iter(killed.take(CLOSE_LOOKS))
        .map(Ok)
        .try_for_each_concurrent(LOOKS_AT_ONCE, |instance| async move {
            match inspect(engine, &instance.native).await {
                Ok(seen) if seen.state.oom_killed => {
                    instance.state = InstanceState::Failed;
                    instance.reason = Some("out of memory".to_owned());
                    Ok(())
                }
                Ok(_) => Ok(()),
                // Gone since: the next list will not have it.
                Err(fault) if fault.kind == FaultKind::NotFound => Ok(()),
                Err(fault) => Err(fault),
            }
        })
        .await
}

/// None where an engine gives a container an id or name that cannot be one.
fn instance(summary: Summary) -> Option<Instance> {
    let native: NativeId = summary.id.parse().ok()?;
    let short = summary.id.get(..12).unwrap_or(&summary.id);
    let names = summary.names.unwrap_or_default();
    // Links add names with a path in them; a container's own has none.
    let own = names.iter().map(|name| name.trim_start_matches('/'));
    let name = own.clone().find(|name| !name.is_empty() && !name.contains('/')).unwrap_or(short);
    let (state, exit_code, reason) =
        standing(summary.state.as_deref().unwrap_or_default(), summary.status.as_deref());
    let mut labels = summary.labels.unwrap_or_default();
    let managed = labels.get(MANAGED_LABEL).is_some_and(|value| value == "true");
    keep_labels(&mut labels);
    let networks = summary.network_settings.and_then(|settings| settings.networks);
    let mut addresses: Vec<IpAddr> = networks
        .iter()
        .flat_map(BTreeMap::values)
        .flatten()
        .flat_map(|attachment| attachment.addresses().collect::<Vec<_>>())
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    let mut ports: Vec<Port> = summary.ports.iter().flatten().filter_map(port).collect();
    ports.sort_unstable();
    ports.dedup();
    Some(Instance {
        native,
        name: name.parse().ok()?,
        kind: InstanceKind::Container,
        state,
        reason,
        image: summary.image.filter(|image| !image.is_empty()),
        created_at: summary.created.and_then(seconds),
        exit_code,
        managed,
        labels,
        addresses,
        ports,
    })
}

/// A time in whole seconds; none from before the epoch, which engines give for "never".
pub(crate) fn seconds(seconds: i64) -> Option<Timestamp> {
    let millis = u64::try_from(seconds).ok()?.checked_mul(1000)?;
    (millis > 0).then(|| Timestamp::from_millis(millis))
}

/// Leaves out our own book-keeping, and what is too many, by the order of keys.
pub(crate) fn keep_labels(labels: &mut BTreeMap<String, String>) {
    labels.retain(|key, _| !checkpoint::is_own_label(key));
    while labels.len() > MAX_INSTANCE_LABELS {
        labels.pop_last();
    }
}

fn port(port: &SummaryPort) -> Option<Port> {
    let address: Option<IpAddr> = port.ip.as_deref().and_then(|text| text.parse().ok());
    Some(Port {
        instance: port.private_port,
        host: Some(port.public_port.filter(|port| *port != 0)?),
        address: address.filter(|address| !address.is_unspecified()),
        protocol: port.protocol.as_deref().unwrap_or("tcp").parse::<Protocol>().ok()?,
    })
}

/// What an engine's state and status say: state, exit code, reason.
///
/// A container that ended with an error was not necessarily a failure: 143 is what a polite stop
/// gives. So it is `stopped`, with the code as its reason; `failed` are those that the engine could
/// not keep. One that is restarted again and again is `failed` too, for between two runs it serves
/// nobody.
fn standing(state: &str, status: Option<&str>) -> (InstanceState, Option<i32>, Option<String>) {
    let status = status.unwrap_or_default();
    let code = code_in(status);
    let ended = code.filter(|code| *code != 0).map(|code| format!("exited with {code}"));
    match state {
        "created" | "configured" | "initialized" => (InstanceState::Creating, None, None),
        "running" => {
            let sick = status.contains("(unhealthy)").then(|| "unhealthy".to_owned());
            (InstanceState::Running, None, sick)
        }
        "stopping" => (InstanceState::Running, None, Some("stopping".to_owned())),
        "paused" => (InstanceState::Paused, None, None),
        "restarting" => {
            let reason = ended
                .map_or_else(|| "restarting".to_owned(), |ended| format!("restarting: {ended}"));
            (InstanceState::Failed, code, Some(reason))
        }
        "exited" | "stopped" => (InstanceState::Stopped, code, ended),
        "dead" => (
            InstanceState::Failed,
            code,
            Some("dead: the engine could not remove it entirely".to_owned()),
        ),
        "removing" => (InstanceState::Unknown, None, Some("being removed".to_owned())),
        other => (InstanceState::Unknown, None, Some(format!("the engine says {other:?}"))),
    }
}

/// The code in "Exited (137) 3 minutes ago" or "Restarting (1) 2 seconds ago".
fn code_in(status: &str) -> Option<i32> {
    let (before, rest) = status.split_once('(')?;
    let counts = ["Exited ", "Restarting "].contains(&before);
    counts.then(|| rest.split_once(')')?.0.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        state: &str,
        status: &str,
        wanted: InstanceState,
        code: Option<i32>,
        reason: Option<&str>,
    ) {
        let seen = standing(state, Some(status));
        assert_eq!((seen.0, seen.1, seen.2.as_deref()), (wanted, code, reason), "{state} {status}");
    }

    #[test]
    fn states_are_told_with_their_reasons() {
        use InstanceState as S;
        check("created", "Created", S::Creating, None, None);
        check("running", "Up 3 hours", S::Running, None, None);
        check("running", "Up 3 hours (unhealthy)", S::Running, None, Some("unhealthy"));
        check("paused", "Up 1 second (Paused)", S::Paused, None, None);
        check("exited", "Exited (0) 2 days ago", S::Stopped, Some(0), None);
        check("exited", "Exited (3) 1 second ago", S::Stopped, Some(3), Some("exited with 3"));
        check("exited", "Exited (143) now", S::Stopped, Some(143), Some("exited with 143"));
        check(
            "restarting",
            "Restarting (1) 2 seconds ago",
            S::Failed,
            Some(1),
            Some("restarting: exited with 1"),
        );
        check("removing", "Removal In Progress", S::Unknown, None, Some("being removed"));
        check("odd", "", S::Unknown, None, Some("the engine says \"odd\""));
    }

    #[test]
    fn a_summary_becomes_an_instance() {
        let summary = serde_json::from_str(
            r#"{"Id":"abc","Names":["/other/alias","/one"],"Image":"busybox","Created":1795245791,
            "Ports":[{"IP":"::","PrivatePort":80,"PublicPort":8080,"Type":"tcp"},
                     {"IP":"0.0.0.0","PrivatePort":80,"PublicPort":8080,"Type":"tcp"},
                     {"IP":"127.0.0.1","PrivatePort":53,"PublicPort":53,"Type":"udp"},
                     {"PrivatePort":99,"Type":"tcp"}],
            "Labels":{"tamer.managed":"true","tamer.checkpoint.of":"x","b":"c"},"State":"running",
            "Status":"Up 1 second","Unknown":{"a":[1]},
            "NetworkSettings":{"Networks":{"b":{"IPAddress":"10.0.0.2","GlobalIPv6Address":""},
                     "a":{"IPAddress":"10.0.0.1"},"n":null}}}"#,
        )
        .expect("it is well made");
        let instance = instance(summary).expect("it is well made");
        assert_eq!(instance.name.as_str(), "one");
        assert!(instance.managed);
        assert_eq!(instance.labels.keys().collect::<Vec<_>>(), ["b", "tamer.managed"]);
        assert_eq!(instance.addresses.len(), 2);
        let ports: Vec<_> =
            instance.ports.iter().map(|port| (port.instance, port.address.is_some())).collect();
        assert_eq!(ports, [(53, true), (80, false)]);
        assert_eq!(instance.created_at, Some(Timestamp::from_millis(1_795_245_791_000)));
    }
}
