//! What changes.

use futures_util::StreamExt as _;
use futures_util::stream::unfold;
use tamer_provider::{EventStream, ProviderEvent, Result};

use super::MachineProvider;
use super::look::native;
use crate::faults::fault;
use crate::rpc::Event;

impl MachineProvider {
    pub(super) async fn listened(&self) -> Result<EventStream> {
        let live = self.session.live().await?;
        let what = "libvirt does not tell what changes";
        let events = live.quick.domain_events().await.map_err(|error| fault(&error, what))?;
        let told = unfold(events, async |mut events| {
            let event = match events.next().await? {
                Event::Lifecycle { domain, .. }
                | Event::Reboot { domain }
                | Event::Agent { domain, .. } => ProviderEvent::Instance(native(&domain)),
                Event::Lost => ProviderEvent::Lost,
            };
            Some((Ok(event), events))
        });
        Ok(told.boxed())
    }
}
