//! What changes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{StreamExt as _, TryStreamExt as _, future, stream};
use tamer_provider::{EventStream, ProviderEvent, Result};

use crate::client::Ask;
use crate::engine::Engine;
use crate::items::items;
use crate::wire::Happened;

/// How long to wait for the head of the answer. Podman may send it with its first event only, which
/// may be hours away; the stream waits on.
const OPENING: Duration = Duration::from_millis(500);

/// Opens the engine's events. The stream ends when the engine goes away, with a fault when it went
/// in the middle.
pub(crate) async fn events(engine: &Engine) -> Result<EventStream> {
    let mut ask = Ask::get(&["events"]).limit(None);
    if engine.client.endpoint.is_local() {
        // An engine answers a moment before, or after, it listens: what happens in between comes by
        // the time that is given. One elsewhere has a clock of its own, by which nothing may come.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        ask = ask.query("since", format!("{}.{:09}", now.as_secs(), now.subsec_nanos()));
    }
    let client = engine.client.clone();
    let mut opening = Box::pin(async move { client.ask("tell what changes", ask).await });
    let told = match tokio::time::timeout(OPENING, &mut opening).await {
        Ok(answer) => items::<Happened>(answer?).boxed(),
        Err(_) => stream::once(opening).map_ok(items::<Happened>).try_flatten().boxed(),
    };
    let events = told.filter_map(|happened| {
        future::ready(match happened {
            Ok(happened) => event(&happened).map(Ok),
            Err(fault) => Some(Err(fault)),
        })
    });
    Ok(Box::pin(events))
}

/// None for what changes nothing that is reported.
fn event(happened: &Happened) -> Option<ProviderEvent> {
    /// Looking at a container, or running a command in it, does not change it.
    const IDLE: &[&str] = &[
        "archive-path",
        "attach",
        "copy",
        "detach",
        "exec_create",
        "exec_detach",
        "exec_die",
        "exec_start",
        "export",
        "extract-to-dir",
        "resize",
        "top",
        "exec",
        "exec_died",
        "mount",
        "unmount",
        "sync",
        "commit",
        "checkpoint",
    ];
    let actor = happened.actor.as_ref();
    let id = match happened.kind.as_deref()? {
        "container" => {
            let action = happened.action.as_deref().unwrap_or_default();
            // "exec_create: sh -c …"
            let action = action.split(':').next().unwrap_or_default();
            if IDLE.contains(&action) {
                return None;
            }
            actor.and_then(|actor| actor.id.as_ref())
        }
        // A container that joins or leaves a network changes its address.
        "network" => actor.and_then(|actor| actor.attributes.as_ref()?.get("container")),
        _ => None,
    };
    Some(match id.and_then(|id| id.parse().ok()) {
        Some(id) => ProviderEvent::Instance(id),
        None => ProviderEvent::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<ProviderEvent> {
        event(&serde_json::from_str(text).expect("it is well made"))
    }

    #[test]
    fn events_name_what_changed() {
        let instance =
            |id: &str| Some(ProviderEvent::Instance(id.parse().expect("it is well made")));
        let die = r#"{"Type":"container","Action":"die","Actor":{"ID":"ba4","Attributes":{}}}"#;
        assert_eq!(read(die), instance("ba4"));
        let exec = r#"{"Type":"container","Action":"exec_create: sh -c a:b","Actor":{"ID":"ba4"}}"#;
        assert_eq!(read(exec), None);
        let network = r#"{"Type":"network","Action":"connect",
            "Actor":{"ID":"n","Attributes":{"container":"c1"}}}"#;
        assert_eq!(read(network), instance("c1"));
        let image = r#"{"Type":"image","Action":"load","Actor":{"ID":"sha256:x"}}"#;
        assert_eq!(read(image), Some(ProviderEvent::Other));
        assert_eq!(read(r#"{"status":"odd"}"#), None);
    }
}
