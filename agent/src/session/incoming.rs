//! What the coordinator says, read into types. Pure.

use std::time::Duration;

use tamer_drift::Digest;
use tamer_model::{Code, PlacementId, Problem, StreamRequest, TaskId, Timestamp, Work};
use tamer_proto::{Required, wire, work_of};
use wire::coordinator_message::Message;

use crate::inventory::Asked;
use crate::placements::Wanted;

/// Bounds of how often the agent is heard and how long silence may last, whatever is asked for.
const HEARTBEAT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(60));
const SILENCE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(300));

/// The first message of the coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// Who answered.
    pub coordinator: String,
    /// Its version.
    pub version: String,
    /// The minor version of `tamer.v1` that it speaks.
    pub wire_minor: u32,
    /// How often the agent shall be heard.
    pub heartbeat: Duration,
    /// After this long without a message the session is given up.
    pub silence: Duration,
    /// The coordinator's clock.
    pub sent_at: Timestamp,
    /// The host's name in the fleet.
    pub name: String,
}

/// Every later message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// It hears us.
    Heard,
    /// A task to start; work that cannot be accepted ends the task and not the session.
    Start(TaskId, Result<Work, Problem>),
    /// A task to end.
    Cancel(TaskId),
    /// An end that the coordinator has.
    Stored(TaskId),
    /// A renewed certificate chain.
    Certificate(Vec<Vec<u8>>),
    /// A bulk stream to open with this ticket; a request that cannot be accepted is answered, and
    /// ends nothing.
    Open(String, Result<StreamRequest, Problem>),
    /// What it wants kept here.
    Wanted(Box<Wanted>),
    /// What it asks of the picture of this host.
    Inventory(Asked),
    /// It does not take the picture of this host, and why.
    InventoryRefused(Problem),
    /// The coordinator ends the session, and why.
    Close(Problem),
    /// Something that a newer coordinator says and this agent does not know.
    Unknown,
}

/// Reads the first message, which is a welcome or a refusal.
pub fn first(message: wire::CoordinatorMessage) -> Result<Welcome, Problem> {
    match message.message {
        Some(Message::Welcome(welcome)) => Ok(read(welcome)),
        Some(Message::Close(close)) => Err(closed(close)),
        _ => Err(Problem::field("welcome", "the coordinator's first message is no welcome")),
    }
}

fn read(welcome: wire::Welcome) -> Welcome {
    // A minor version is not refused: what is missing has a meaning, what is new is ignored.
    let wire::Welcome {
        coordinator,
        coordinator_version,
        wire_minor,
        heartbeat_ms,
        silence_ms,
        sent_at,
        name,
    } = welcome;
    let or = |ms: u64, default| if ms == 0 { default } else { ms };
    let heartbeat = Duration::from_millis(or(heartbeat_ms, 3000));
    let silence = Duration::from_millis(or(silence_ms, 9000));
    Welcome {
        coordinator,
        version: coordinator_version,
        wire_minor,
        heartbeat: heartbeat.clamp(HEARTBEAT.0, HEARTBEAT.1),
        silence: silence.clamp(SILENCE.0, SILENCE.1),
        sent_at: Timestamp::from_millis(sent_at),
        name,
    }
}

fn read_wanted(wanted: wire::PlacementsWanted) -> Result<Wanted, Problem> {
    let wire::PlacementsWanted { begins, complete, put, keep, gone } = wanted;
    let id = |text: &str| {
        text.parse::<PlacementId>()
            .map_err(|error| Problem::field("placements.id", error.to_string()))
    };
    let mut read = Wanted { begins, complete, ..Wanted::default() };
    for order in put {
        // One that cannot be accepted fails alone.
        let named = id(&order.id)?;
        match order.try_into() {
            Ok(order) => read.put.push(order),
            Err(problem) => read.bad.push((named, problem)),
        }
    }
    for text in keep {
        read.keep.push(id(&text)?);
    }
    for wire::PlacementGone { id: text, cause } in gone {
        read.gone.push((id(&text)?, cause));
    }
    Ok(read)
}

/// The most nodes that one message asks for.
const MOST_NODES: usize = 256;

fn read_digest(bytes: &[u8]) -> Result<Digest, Problem> {
    let bytes = bytes.try_into().map_err(|_| {
        Problem::field("digest", format!("a digest has 32 bytes, and not {}", bytes.len()))
    })?;
    Ok(Digest::from_bytes(bytes))
}

fn read_nodes(wanted: &wire::InventoryWanted) -> Result<Vec<Digest>, Problem> {
    let wire::InventoryWanted { digests } = wanted;
    if digests.len() > MOST_NODES {
        let message = format!("{} nodes are asked for at once", digests.len());
        return Err(Problem::field("digests", message));
    }
    digests.iter().map(|digest| read_digest(digest)).collect()
}

fn read_refused(refused: wire::InventoryRefused) -> Problem {
    let wire::InventoryRefused { root: _, problem } = refused;
    let unknown = || Problem::new(Code::Internal, "the picture was refused without a reason");
    problem.map_or_else(unknown, Problem::from)
}

fn closed(close: wire::Close) -> Problem {
    let wire::Close { code, message } = close;
    let message = if message.is_empty() { code.clone() } else { message };
    let problem = Problem::new(code.parse().unwrap_or(Code::Unreachable), message);
    match problem.code {
        Code::HostRevoked => problem.remedy(super::REJOIN),
        _ => problem,
    }
}

impl TryFrom<wire::CoordinatorMessage> for Incoming {
    type Error = Problem;

    fn try_from(message: wire::CoordinatorMessage) -> Result<Self, Problem> {
        let task = |task: Option<wire::TaskId>| task.required("task")?.try_into();
        Ok(match message.message {
            None => Self::Unknown,
            // A second one changes nothing.
            Some(Message::Welcome(_)) => Self::Heard,
            Some(Message::HeartbeatAck(wire::HeartbeatAck { sequence: _ })) => Self::Heard,
            Some(Message::StartTask(start)) => {
                Self::Start(task(start.task.clone())?, work_of(start))
            }
            Some(Message::CancelTask(wire::CancelTask { task: id })) => Self::Cancel(task(id)?),
            Some(Message::EndStored(wire::EndStored { task: id })) => Self::Stored(task(id)?),
            Some(Message::Certificate(wire::CertificateIssued { chain })) => {
                Self::Certificate(chain)
            }
            Some(Message::Close(close)) => Self::Close(closed(close)),
            Some(Message::Placements(wanted)) => Self::Wanted(Box::new(read_wanted(wanted)?)),
            Some(Message::InventoryWanted(wanted)) => {
                Self::Inventory(Asked::Nodes(read_nodes(&wanted)?))
            }
            Some(Message::InventoryStored(wire::InventoryStored { root })) => {
                Self::Inventory(Asked::Stored(read_digest(&root)?))
            }
            Some(Message::InventoryRefused(refused)) => {
                Self::InventoryRefused(read_refused(refused))
            }
            Some(Message::OpenStream(wire::OpenStream { ticket, request })) => {
                Self::Open(ticket, request.required("request").and_then(TryInto::try_into))
            }
        })
    }
}
