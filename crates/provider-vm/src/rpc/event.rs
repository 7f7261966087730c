//! What changes about domains, as the daemon tells it.

use tokio::sync::broadcast::{self, error::RecvError};

use super::packet::Header;
use super::{Connection, Domain, RpcError, code, procedure, xdr};

/// Something happened to a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It was defined, started, stopped or the like.
    Lifecycle {
        /// Which.
        domain: Domain,
        /// `virDomainEventType`: 0 defined, 1 undefined, 2 started, 3 suspended, 4 resumed,
        /// 5 stopped, 6 shut down by itself, 7 suspended by itself, 8 crashed.
        event: i32,
        /// Why: a number of the enumeration of that event.
        detail: i32,
    },
    /// It rebooted itself.
    Reboot {
        /// Which.
        domain: Domain,
    },
    /// Its guest agent came or went.
    Agent {
        /// Of which domain.
        domain: Domain,
        /// `virConnectDomainEventAgentLifecycleState`: 1 came, 2 went.
        state: i32,
        /// `virConnectDomainEventAgentLifecycleReason`: 1 with the domain's start, 2 by its
        /// channel.
        reason: i32,
    },
    /// Events were lost here: look at everything.
    Lost,
}

/// Where events come out.
#[derive(Debug)]
pub struct EventReceiver {
    events: broadcast::Receiver<Event>,
    _connection: Connection,
}

impl EventReceiver {
    /// The next event; none any more when the connection is closed. Cancel-safe.
    pub async fn next(&mut self) -> Option<Event> {
        match self.events.recv().await {
            Ok(event) => Some(event),
            Err(RecvError::Lagged(_)) => Some(Event::Lost),
            Err(RecvError::Closed) => None,
        }
    }
}

impl Connection {
    /// Listens to what happens to all domains from now on. When a first such call was dropped
    /// before its end, an event may be told twice.
    pub async fn domain_events(&self) -> Result<EventReceiver, RpcError> {
        // `virDomainEventID` of `include/libvirt/libvirt-domain.h`.
        const LIFECYCLE: i32 = 0;
        const REBOOT: i32 = 1;
        const AGENT_LIFECYCLE: i32 = 18;
        let events = self.shared().table().listen()?;
        self.events_asked()
            .get_or_try_init(async || {
                self.ask_for(LIFECYCLE).await?;
                for event in [REBOOT, AGENT_LIFECYCLE] {
                    match self.ask_for(event).await {
                        // A hypervisor without it never tells it.
                        Err(error) if error.code() == Some(code::VIR_ERR_NO_SUPPORT) => {}
                        other => other?,
                    }
                }
                Ok::<_, RpcError>(())
            })
            .await?;
        Ok(EventReceiver { events, _connection: self.clone() })
    }

    /// Asks for an event of all domains. The daemon tells it until the connection is closed.
    async fn ask_for(&self, event: i32) -> Result<(), RpcError> {
        let arguments = (event, None::<Domain>);
        let _callback: i32 =
            self.call(procedure::CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY, &arguments).await?;
        Ok(())
    }
}

/// The event that a message is, when it is one that we asked for.
pub(super) fn decode(header: Header, payload: &[u8]) -> Result<Option<Event>, RpcError> {
    // Each begins with the number of the callback, of which we have one for each kind.
    Ok(match header.procedure {
        procedure::DOMAIN_EVENT_CALLBACK_LIFECYCLE => {
            let (_, domain, event, detail): (i32, Domain, i32, i32) = xdr::decode(payload)?;
            Some(Event::Lifecycle { domain, event, detail })
        }
        procedure::DOMAIN_EVENT_CALLBACK_REBOOT => {
            let (_, domain): (i32, Domain) = xdr::decode(payload)?;
            Some(Event::Reboot { domain })
        }
        procedure::DOMAIN_EVENT_CALLBACK_AGENT_LIFECYCLE => {
            let (_, domain, state, reason): (i32, Domain, i32, i32) = xdr::decode(payload)?;
            Some(Event::Agent { domain, state, reason })
        }
        _ => None,
    })
}
