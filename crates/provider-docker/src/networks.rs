//! Networks that containers are on.

use serde_json::json;
use tamer_model::NativeId;
use tamer_provider::{FaultKind, Result};

use crate::client::Ask;
use crate::engine::Engine;

/// Refuses networks that are not there. Docker would notice at the start only.
pub(crate) async fn check(engine: &Engine, names: &[String]) -> Result<()> {
    for (at, name) in names.iter().enumerate() {
        if is_mode(name) {
            continue;
        }
        let doing = format!("find network {name}");
        let ask = Ask::get(&["networks", name]);
        match engine.client.text(&doing, ask).await {
            Ok(_) => {}
            Err(mut fault) => {
                if fault.kind == FaultKind::NotFound {
                    fault.message = format!("there is no network {name}");
                    fault.remedy = "make the network on the host, or correct its name".to_owned();
                }
                return Err(fault.on(format!("networks[{at}]")));
            }
        }
    }
    Ok(())
}

/// Words that stand where a network's name does and name none that must be there.
fn is_mode(name: &str) -> bool {
    matches!(name, "host" | "none" | "bridge" | "default") || name.starts_with("container:")
}

/// Puts a container on one network more.
pub(crate) async fn connect(
    engine: &Engine,
    network: &str,
    id: &NativeId,
    aliases: &[String],
) -> Result<()> {
    let body = json!({ "Container": id, "EndpointConfig": { "Aliases": aliases } });
    let ask = Ask::post(&["networks", network, "connect"]).json(&body);
    engine.client.done(&format!("connect {id} to network {network}"), ask).await.map(drop)
}
