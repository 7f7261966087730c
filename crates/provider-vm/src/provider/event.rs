//! What changes.

use futures_util::StreamExt as _;
use futures_util::stream::unfold;
use tamer_provider::{EventStream, ProviderEvent, Result};

use super::MachineProvider;
use super::look::native;
use crate::faults::fault;
use crate::rpc::{Event, RpcError};

impl MachineProvider {
    pub(super) async fn listened(&self) -> Result<EventStream> {
        let live = self.session.live().await?;
        let what = "libvirt does not tell what changes";
        let events = live.quick.domain_events().await.map_err(|error| fault(&error, what))?;
        let told = unfold(Some(events), async |events| {
            let mut events = events?;
            let event = match events.next().await {
                Some(
                    Event::Lifecycle { domain, .. }
                    | Event::Reboot { domain }
                    | Event::Agent { domain, .. },
                ) => ProviderEvent::Instance(native(&domain)),
                Some(Event::Lost) => ProviderEvent::Lost,
                // The last that is told.
                None => return Some((Err(fault(&RpcError::Closed, "libvirt went away")), None)),
            };
            Some((Ok(event), Some(events)))
        });
        Ok(told.boxed())
    }
}
