//! The first message of a session, checked.

use tamer_model::{Facts, InvalidId, JournalId, PlacementId, Problem, TaskId, Timestamp};
use tamer_proto::{Required, wire};

/// The most tasks a journal may hold: an agent runs 64 at once, and keeps ends until they are
/// stored.
const MAX_HELD: usize = 4096;

/// The most placements that one host keeps.
pub const MAX_PLACEMENTS: usize = 4096;

/// What an agent says of itself first.
#[derive(Debug, Clone)]
pub struct Hello {
    pub agent_version: String,
    pub wire_minor: u32,
    pub facts: Facts,
    pub journal: JournalId,
    /// The tasks that the journal holds, and whether each has ended.
    pub held: Vec<(TaskId, bool)>,
    /// The placements that it has on disk and keeps running.
    pub placements: Vec<PlacementId>,
    /// When it was sent, by the agent's clock.
    pub sent_at: Timestamp,
}

impl TryFrom<wire::AgentMessage> for Hello {
    type Error = Problem;

    fn try_from(message: wire::AgentMessage) -> Result<Self, Problem> {
        let Some(wire::agent_message::Message::Hello(hello)) = message.message else {
            return Err(Problem::field("hello", "the first message of a session must be a hello"));
        };
        // A minor version is not refused: what an older agent leaves out has a meaning, and what a
        // newer one adds is ignored.
        let wire::Hello { agent_version, wire_minor, facts, journal, held, sent_at, placements } =
            hello;
        if agent_version.len() > 64 {
            return Err(Problem::field("hello.agent_version", "longer than 64 bytes"));
        }
        if held.len() > MAX_HELD {
            return Err(Problem::field("hello.held", format!("more than {MAX_HELD} tasks")));
        }
        if placements.len() > MAX_PLACEMENTS {
            let message = format!("more than {MAX_PLACEMENTS} of them");
            return Err(Problem::field("hello.placements", message));
        }
        let invalid = |error: InvalidId| Problem::field("hello.placements", error.to_string());
        let placements = placements.iter().map(|id| id.parse().map_err(invalid));
        let placements = placements.collect::<Result<_, _>>()?;
        let journal = journal
            .parse()
            .map_err(|error: InvalidId| Problem::field("hello.journal", error.to_string()))?;
        let held = held
            .into_iter()
            .map(|held| tamer_model::HeldTask::try_from(held).map(|held| (held.task, held.ended)))
            .collect::<Result<_, _>>()?;
        let facts = facts.required("hello.facts")?.try_into()?;
        let sent_at = Timestamp::from_millis(sent_at);
        Ok(Self { agent_version, wire_minor, facts, journal, held, placements, sent_at })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message;

    use super::*;

    /// The hello of an agent of minor version 0, byte for byte as it was sent: a version, facts
    /// with an operating system, a journal; no minor version, no clock, nothing held.
    const OLD: &[u8] = b"\x0a\x24\x0a\x050.0.9\x1a\x07\x0a\x05linux\x22\x12j-0000000000000000";

    #[test]
    fn an_agent_one_minor_version_behind_is_served() {
        let message = wire::AgentMessage::decode(OLD).expect("it is a message");
        let hello = Hello::try_from(message).expect("it is a hello");
        assert_eq!((hello.agent_version.as_str(), hello.held.len()), ("0.0.9", 0));
    }

    #[test]
    fn what_a_newer_agent_adds_is_ignored() {
        let mut newer = OLD.to_vec();
        newer.extend_from_slice(b"\xfa\x01\x03new"); // field 31, length-delimited
        assert!(
            Hello::try_from(wire::AgentMessage::decode(&newer[..]).expect("a message")).is_ok()
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_hello_or_an_error(bytes: Vec<u8>) {
            if let Ok(message) = wire::AgentMessage::decode(&bytes[..]) {
                let _ = Hello::try_from(message);
            }
        }

        #[test]
        fn a_damaged_hello_is_a_hello_or_an_error(at in 0..OLD.len(), byte: u8, cut in 0..OLD.len()) {
            let mut bytes = OLD.to_vec();
            bytes[at] = byte;
            for bytes in [&bytes[..], &bytes[..cut]] {
                if let Ok(message) = wire::AgentMessage::decode(bytes) {
                    let _ = Hello::try_from(message);
                }
            }
        }
    }
}
