//! One change of a host's picture, and how it is kept.

use data_encoding::BASE64_NOPAD;
use serde::{Deserialize, Serialize};
use tamer_drift::Digest;
use tamer_model::{Problem, Timestamp};

/// One change of a host's picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Line", from = "Line")]
pub struct DeltaRecord {
    /// When the later picture was whole, by the coordinator's clock.
    pub at: Timestamp,
    /// The picture before, where there is no delta to it.
    pub before: Option<Short>,
    /// Resources that changed.
    pub changed: u64,
    /// `tamer_drift::delta`, compressed. None when the chain begins here, and when it was too long:
    /// then the nodes of `before` are kept instead, for as long as this record is.
    pub delta: Option<Packed>,
    /// When the agent said last that it had the picture before.
    pub since: Option<Timestamp>,
    /// Until when what changed was seen as it was before: it happened after that. None when the agent
    /// did not say.
    pub still: Option<Timestamp>,
    pub gap: Option<GapRecord>,
    /// The chain begins: the agent had no memory of an earlier picture.
    pub began: bool,
}

/// A time in which nobody looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GapRecord {
    pub from: Timestamp,
    pub to: Timestamp,
    pub why: String,
    /// Resources that changed inside, as far as both ends tell.
    pub changed: u64,
}

/// A digest in 43 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Short(pub Digest);

/// Bytes in base 64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Packed(pub Vec<u8>);

/// A change as it is kept: every field that ever changes on any host makes one, so it does not tell
/// what goes without saying.
#[derive(Serialize, Deserialize)]
struct Line {
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Short>,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    changed: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delta: Option<Packed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Near>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    still: Option<Near>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gap: Option<GapRecord>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    began: bool,
}

/// A time near `at`: so many milliseconds after it where that is not above zero, and else, of clocks
/// that were set back, a time of its own.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Near(i64);

impl DeltaRecord {
    /// The root whose nodes are kept because there is no delta to it.
    pub fn anchor(&self) -> Option<Digest> {
        self.before.map(|Short(root)| root)
    }
}

impl From<DeltaRecord> for Line {
    fn from(record: DeltaRecord) -> Self {
        let DeltaRecord { at, before, changed, delta, since, still, gap, began } = record;
        let near = |time| Near::to(at, time);
        let (since, still) = (since.map(near), still.map(near));
        Self { at, before, changed, delta, since, still, gap, began }
    }
}

impl From<Line> for DeltaRecord {
    fn from(line: Line) -> Self {
        let Line { at, before, changed, delta, since, still, gap, began } = line;
        let time = |near: Near| near.of(at);
        let (since, still) = (since.map(time), still.map(time));
        Self { at, before, changed, delta, since, still, gap, began }
    }
}

impl Near {
    fn to(at: Timestamp, time: Timestamp) -> Self {
        let (at, time) = (at.as_millis() as i64, time.as_millis() as i64);
        Self(if time > at { time } else { time - at })
    }

    fn of(self, at: Timestamp) -> Timestamp {
        let Self(near) = self;
        let millis = at.as_millis();
        Timestamp::from_millis(match u64::try_from(near) {
            Ok(0) => millis,
            Ok(time) => time,
            Err(_before) => millis.saturating_sub(near.unsigned_abs()),
        })
    }
}

const fn one() -> u64 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_one(count: &u64) -> bool {
    *count == 1
}

impl From<Short> for String {
    fn from(Short(digest): Short) -> Self {
        BASE64_NOPAD.encode(digest.as_bytes())
    }
}

impl TryFrom<String> for Short {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        let bytes = BASE64_NOPAD.decode(text.as_bytes()).ok();
        let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let bytes = bytes.ok_or_else(|| Problem::field("root", "not a digest in base 64"))?;
        Ok(Self(Digest::from_bytes(bytes)))
    }
}

impl From<Packed> for String {
    fn from(Packed(bytes): Packed) -> Self {
        BASE64_NOPAD.encode(&bytes)
    }
}

impl TryFrom<String> for Packed {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        let bytes = BASE64_NOPAD.decode(text.as_bytes());
        bytes.map(Self).map_err(|_| Problem::field("delta", "not base 64"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn record() -> DeltaRecord {
        DeltaRecord {
            at: Timestamp::from_millis(1_795_301_510_407),
            before: None,
            changed: 1,
            delta: Some(Packed(vec![1, 2, 3])),
            since: Some(Timestamp::from_millis(1_795_301_510_000)),
            still: None,
            gap: None,
            began: false,
        }
    }

    #[test]
    fn what_goes_without_saying_is_not_kept() {
        let kept = serde_json::to_value(record()).expect("JSON");
        let line = json!({"at": 1_795_301_510_407_u64, "delta": "AQID", "since": -407});
        assert_eq!(kept, line);
    }

    #[test]
    fn times_of_their_own_are_read() {
        let line = json!({"at": 1_795_301_510_407_u64, "changed": 1, "delta": "AQID",
                          "since": 1_795_301_510_000_u64});
        assert_eq!(serde_json::from_value::<DeltaRecord>(line).expect("a record"), record());
    }

    proptest! {
        #[test]
        fn what_is_kept_is_read(
            at in 1_u64..1 << 53, since in proptest::option::of(1_u64..1 << 53),
            still in proptest::option::of(1_u64..1 << 53), changed: u64, began: bool,
        ) {
            let time = Timestamp::from_millis;
            let (since, still) = (since.map(time), still.map(time));
            let record = DeltaRecord { at: time(at), since, still, changed, began, ..record() };
            let kept = serde_json::to_vec(&record).expect("JSON");
            prop_assert_eq!(serde_json::from_slice::<DeltaRecord>(&kept).expect("a record"), record);
        }
    }
}
