//! Everything that a technology knows about one instance.

use tamer_model::{Code, InstanceRef, Problem};
use tamer_proto::{MAX_MESSAGE, wire};
use tamer_provider::Provider as _;
use tamer_provider::registry::Registry;
use tamer_provider::{Fault, FaultKind};

use super::frames::{self, Frames, Gone};

/// The longest description, in bytes: it must fit into a message with what is around it.
const MAX_JSON: usize = MAX_MESSAGE / 4 * 3;

/// Tells what there is to know.
pub async fn describe(
    providers: &Registry,
    instance: &InstanceRef,
    frames: &Frames,
) -> Result<(), Gone> {
    let frame = match look(providers, instance).await {
        Ok(detail) if detail.json.len() > MAX_JSON => {
            let message = format!("the technology's words are longer than {MAX_JSON} bytes");
            frames::problem(0, Problem::new(Code::ResourceExhausted, message))
        }
        Ok(detail) => frames::detail(detail),
        Err(fault) => frames::problem(0, fault),
    };
    frames.send(frame).await
}

async fn look(providers: &Registry, instance: &InstanceRef) -> Result<wire::InstanceDetail, Fault> {
    let provider = providers.get(&instance.provider)?;
    let id = &instance.native;
    let known = provider.get(id).await?;
    let json = provider.describe(id).await?;
    let checkpoints = match provider.checkpoints(id).await {
        Ok(checkpoints) => checkpoints.into_iter().map(Into::into).collect(),
        // A technology without checkpoints has none.
        Err(fault) if fault.kind == FaultKind::Unsupported => Vec::new(),
        Err(fault) => return Err(fault),
    };
    Ok(wire::InstanceDetail { instance: Some(known.into()), json, checkpoints })
}
