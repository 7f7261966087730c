//! The points at which a test lets the agent die around the messages of a session.

use tamer_crash::point;
use tamer_proto::wire;
use wire::agent_message::Message;

use super::Incoming;

/// A message is handed to the connection.
pub fn sent(message: &wire::AgentMessage) {
    match &message.message {
        Some(Message::TaskStarted(_)) => point("send-started"),
        Some(Message::TaskEnded(_)) => point("send-ended"),
        Some(Message::Hello(_)) => point("send-hello"),
        Some(Message::Placements(_)) => point("send-placements"),
        Some(Message::Inventory(_)) => point("send-inventory"),
        Some(Message::InventoryNodes(_)) => point("send-inventory-nodes"),
        // Nothing of a batch hangs on them.
        Some(
            Message::Heartbeat(_)
            | Message::Facts(_)
            | Message::TaskOutput(_)
            | Message::TaskProgress(_)
            | Message::Renew(_)
            | Message::Providers(_)
            | Message::Instances(_)
            | Message::StreamRefused(_)
            | Message::Goodbye(_),
        )
        | None => {}
    }
}

/// A message of the coordinator was read.
pub fn heard(message: &Incoming) {
    match message {
        Incoming::Start(..) => point("hear-start"),
        Incoming::Cancel(_) => point("hear-cancel"),
        Incoming::Stored(_) => point("hear-stored"),
        Incoming::Wanted(_) => point("hear-placements"),
        Incoming::Inventory(_) => point("hear-inventory"),
        Incoming::Heard
        | Incoming::Certificate(_)
        | Incoming::Open(..)
        | Incoming::InventoryRefused(_)
        | Incoming::Close(_)
        | Incoming::Unknown => {}
    }
}
