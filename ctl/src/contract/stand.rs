//! Where a batch stands, and how it came to be.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use tamer_model::{Problem, Stand};
use tamer_proto::wire;

use super::Time;
use super::batch::unknown;

/// How a batch stands, and since when. In `json`: `stand` is the word, `wave` and `of` are told
/// while it goes through its waves, `until` is when the next one begins by itself, `reason` is why
/// it tripped or ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// How.
    pub stand: Stand,
    /// Since when, by the coordinator's clock.
    pub since: Time,
}

/// A person paused a batch, or let it go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Mark {
    pub at: Time,
    pub by: String,
    /// Whether it goes on; otherwise it was paused.
    pub resumed: bool,
}

/// What made a batch, when that was not a person's request of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// It tries some targets of that one again.
    RetryOf(String),
    /// It undoes that one.
    UndoOf(String),
    /// A schedule, for the time that was due then.
    Schedule {
        /// Which.
        name: String,
        /// The time that was due.
        due: Time,
    },
}

impl TryFrom<wire::Stand> for Standing {
    type Error = Problem;

    fn try_from(stand: wire::Stand) -> Result<Self, Problem> {
        let (word, since) = (stand.stand.clone(), Time::of(stand.since));
        let stand = stand.try_into().map_err(|_| unknown("batch", &word))?;
        Ok(Self { stand, since })
    }
}

impl From<wire::Mark> for Mark {
    fn from(wire::Mark { at, by, resumed }: wire::Mark) -> Self {
        Self { at: Time::of(at), by, resumed }
    }
}

impl From<wire::origin::Origin> for Origin {
    fn from(origin: wire::origin::Origin) -> Self {
        use wire::origin::Origin as Told;
        match origin {
            Told::RetryOf(batch) => Self::RetryOf(batch),
            Told::UndoOf(batch) => Self::UndoOf(batch),
            Told::Schedule(wire::ScheduledFor { name, due }) => {
                Self::Schedule { name, due: Time::of(due) }
            }
        }
    }
}

impl Serialize for Standing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (wave, until, reason) = match &self.stand {
            Stand::Wave { wave, of } => (Some((wave, of)), None, None),
            Stand::Between { wave, of, until } => (Some((wave, of)), *until, None),
            Stand::Tripped(why) | Stand::Ending(why) => (None, None, Some(why)),
            Stand::Paused | Stand::Done => (None, None, None),
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("stand", self.stand.as_str())?;
        map.serialize_entry("wave", &wave.map(|(wave, _)| wave))?;
        map.serialize_entry("of", &wave.map(|(_, of)| of))?;
        map.serialize_entry("until", &until.map(|until| Time::of(until.as_millis())))?;
        map.serialize_entry("reason", &reason)?;
        map.serialize_entry("since", &self.since)?;
        map.end()
    }
}
