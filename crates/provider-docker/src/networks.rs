//! Networks that containers are on.

use bollard::models::{EndpointSettings, NetworkConnectRequest};
use bollard::query_parameters::InspectNetworkOptions;
use tamer_model::NativeId;
use tamer_provider::{FaultKind, Result};

use crate::client::{QUICK, SLOW};
use crate::engine::Engine;
use crate::typed::part;

/// Refuses networks that are not there. Docker would notice at the start only.
pub(crate) async fn check(engine: &Engine, names: &[String]) -> Result<()> {
    for (at, name) in names.iter().enumerate() {
        if is_mode(name) {
            continue;
        }
        let doing = format!("find network {name}");
        let called = part(name)?;
        let call = engine.client.typed(&doing, Some(QUICK), |docker| async move {
            docker.inspect_network(&called, None::<InspectNetworkOptions>).await
        });
        match call.await {
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
    let name = part(network)?;
    let request = NetworkConnectRequest {
        container: id.to_string(),
        endpoint_config: Some(EndpointSettings {
            aliases: Some(aliases.to_vec()),
            ..EndpointSettings::default()
        }),
    };
    let doing = format!("connect {id} to network {network}");
    let call = engine.client.typed(&doing, Some(SLOW), |docker| async move {
        docker.connect_network(&name, request).await
    });
    call.await
}
