//! The tree of hosts: a snapshot of the fleet is one digest.
//!
//! The functions are those of [`crate::tree`]; its entries are [`Member`]s. Trees of hosts are
//! referred to by their roots: a fleet's tree is whole when each of these is too.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tamer_model::{HostId, Problem, Timestamp};

use crate::canonical::{Malformed, Reader, Writer};
use crate::digest::{Digest, Domain};
use crate::resource::Source;
use crate::tree::Entry;

/// The most sources that a host tells of.
pub const MAX_SOURCES: usize = 256;

/// The most bytes of what a source says went wrong.
pub const MAX_PROBLEM_BYTES: usize = 1024;

/// A host in the tree of a fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Which host.
    pub host: HostId,
    /// What was known of it.
    pub state: HostState,
}

/// What was known of a host at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostState {
    /// The tree of its resources.
    pub root: Digest,
    /// One life of the agent's memory: another one means that it was lost.
    pub epoch: [u8; 16],
    /// Which telling of this epoch it was; a number that was skipped is a gap.
    pub counter: u64,
    /// When the agent made the picture, by its host's clock.
    pub at: Timestamp,
    /// Who told of it, and whether they told all.
    pub sources: BTreeMap<Source, SourceState>,
}

/// What one source or collector told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceState {
    /// Whether it looked at all that it should. What an incomplete one does not tell of may be
    /// there all the same.
    pub complete: bool,
    /// What went wrong. At most [`MAX_PROBLEM_BYTES`] bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// How many resources it told.
    pub resources: u64,
    /// When it had looked, by its host's clock.
    pub at: Timestamp,
}

impl Entry for Member {
    type Key = HostId;

    const DOMAIN: Domain = Domain::FLEET;

    fn key(&self) -> &HostId {
        &self.host
    }

    fn key_bytes(key: &HostId) -> Vec<u8> {
        key.as_bytes().to_vec()
    }

    fn read_key(bytes: &[u8]) -> Result<HostId, Malformed> {
        let mut from = Reader::new(bytes);
        let id = HostId::from_bytes(from.array()?);
        from.end()?;
        Ok(id)
    }

    fn body(&self) -> Result<Vec<u8>, Problem> {
        self.check()?;
        let mut to = Writer::new();
        write_state(&mut to, &self.state);
        Ok(to.into_bytes())
    }

    fn read(key: &[u8], body: &[u8]) -> Result<Self, Malformed> {
        let host = Self::read_key(key)?;
        let mut from = Reader::new(body);
        let state = read_state(&mut from)?;
        from.end()?;
        Ok(Self { host, state })
    }
}

impl Member {
    fn check(&self) -> Result<(), Problem> {
        let sources = &self.state.sources;
        if sources.len() > MAX_SOURCES {
            let message = format!("{} tells of {} sources", self.host, sources.len());
            return Err(
                Problem::field("sources", message).remedy(format!("tell of {MAX_SOURCES} at most"))
            );
        }
        let long = |state: &&SourceState| {
            state.problem.as_ref().is_some_and(|text| text.len() > MAX_PROBLEM_BYTES)
        };
        if sources.values().any(|state| long(&state)) {
            let message = format!("a problem of a source of {} is too long", self.host);
            return Err(Problem::field("sources.problem", message)
                .remedy(format!("say it in {MAX_PROBLEM_BYTES} bytes")));
        }
        Ok(())
    }
}

fn write_state(to: &mut Writer, state: &HostState) {
    to.raw(state.root.as_bytes());
    to.raw(&state.epoch);
    to.number(state.counter);
    to.number(state.at.as_millis());
    to.count(state.sources.len());
    for (name, source) in &state.sources {
        to.text(name.as_str());
        to.byte(u8::from(source.complete));
        to.option(source.problem.as_deref(), Writer::text);
        to.number(source.took_ms);
        to.number(source.resources);
        to.number(source.at.as_millis());
    }
}

fn read_state(from: &mut Reader<'_>) -> Result<HostState, Malformed> {
    Ok(HostState {
        root: Digest::from_bytes(from.array()?),
        epoch: from.array()?,
        counter: from.number()?,
        at: Timestamp::from_millis(from.number()?),
        sources: read_sources(from)?,
    })
}

fn read_sources(from: &mut Reader<'_>) -> Result<BTreeMap<Source, SourceState>, Malformed> {
    let count = from.count()?;
    if count > MAX_SOURCES {
        return Err(from.refuse("more sources than a host may have"));
    }
    let mut sources = BTreeMap::new();
    for _ in 0..count {
        let name = from.text()?;
        let name: Source = name.parse().map_err(|_| from.refuse("a source of no valid name"))?;
        if sources.last_key_value().is_some_and(|(last, _)| *last >= name) {
            return Err(from.refuse("sources out of order"));
        }
        sources.insert(name, read_source(from)?);
    }
    Ok(sources)
}

fn read_source(from: &mut Reader<'_>) -> Result<SourceState, Malformed> {
    let complete = from.flag()?;
    let problem = from.option(|from| Ok(from.text()?.to_owned()))?;
    if problem.as_ref().is_some_and(|text| text.len() > MAX_PROBLEM_BYTES) {
        return Err(from.refuse("a problem told too long"));
    }
    Ok(SourceState {
        complete,
        problem,
        took_ms: from.number()?,
        resources: from.number()?,
        at: Timestamp::from_millis(from.number()?),
    })
}
