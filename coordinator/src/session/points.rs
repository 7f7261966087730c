//! The points at which a test lets the coordinator die around the messages of a session.

use tamer_crash::point;
use tamer_proto::wire;
use wire::agent_message::Message as FromAgent;
use wire::coordinator_message::Message as ToAgent;

/// A message is about to be queued to an agent. Gives the point of its having been queued.
pub fn sending(message: &ToAgent) -> Option<&'static str> {
    let (before, after) = match message {
        ToAgent::StartTask(_) => ("send-start.begun", "send-start.queued"),
        ToAgent::CancelTask(_) => ("send-cancel.begun", "send-cancel.queued"),
        ToAgent::EndStored(_) => ("send-stored.begun", "send-stored.queued"),
        ToAgent::Welcome(_) => ("send-welcome.begun", "send-welcome.queued"),
        ToAgent::Placements(_) => ("send-placements.begun", "send-placements.queued"),
        // Neither a batch nor a placement hangs on them.
        ToAgent::HeartbeatAck(_)
        | ToAgent::Certificate(_)
        | ToAgent::OpenStream(_)
        | ToAgent::InventoryWanted(_)
        | ToAgent::InventoryStored(_)
        | ToAgent::InventoryRefused(_)
        | ToAgent::Close(_) => return None,
    };
    point(before);
    Some(after)
}

/// A message of an agent was read.
pub fn heard(message: &FromAgent) {
    match message {
        FromAgent::TaskStarted(_) => point("hear-started"),
        FromAgent::TaskEnded(_) => point("hear-ended"),
        FromAgent::Placements(_) => point("hear-placements"),
        FromAgent::Hello(_)
        | FromAgent::Heartbeat(_)
        | FromAgent::Facts(_)
        | FromAgent::TaskOutput(_)
        | FromAgent::TaskProgress(_)
        | FromAgent::Renew(_)
        | FromAgent::Providers(_)
        | FromAgent::Instances(_)
        | FromAgent::StreamRefused(_)
        | FromAgent::Inventory(_)
        | FromAgent::InventoryNodes(_)
        | FromAgent::Goodbye(_) => {}
    }
}
