//! What an agent says of its host's picture, checked.

use tamer_drift::{Digest, Kind};
use tamer_model::{Problem, Timestamp};
use tamer_proto::wire;

use super::record::{Epoch, SourceSeen};

/// The most sources of one host: its collectors and providers.
const MAX_SOURCES: usize = 64;
/// The most resources of one host. A picture of more is not taken.
pub const MAX_RESOURCES: u64 = 2_000_000;
/// What is kept of a text that an agent gives a reason in, in bytes.
const MAX_REASON: usize = 512;

/// A picture that an agent told of, with times by our clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub epoch: Epoch,
    pub counter: u64,
    pub root: Digest,
    pub at: Timestamp,
    pub took_ms: u64,
    pub resources: u64,
    pub sources: Vec<SourceSeen>,
    pub gap: Option<ToldGap>,
}

/// A time in which the agent itself did not look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldGap {
    pub from: Timestamp,
    pub to: Timestamp,
    pub why: String,
}

impl Told {
    /// Checks what came. `ours` turns a time of the agent's clock into one of ours.
    ///
    /// # Errors
    /// `InvalidField` for what cannot be a picture; it names the field.
    pub fn read(
        told: wire::InventoryTold,
        ours: impl Fn(u64) -> Timestamp,
    ) -> Result<Self, Problem> {
        let wire::InventoryTold {
            epoch,
            counter,
            root,
            at,
            took_ms,
            resources,
            sources,
            gap,
            before: _,
        } = told;
        if sources.len() > MAX_SOURCES {
            let message = format!("{} of them, more than {MAX_SOURCES}", sources.len());
            return Err(Problem::field("inventory.sources", message));
        }
        if resources > MAX_RESOURCES {
            let message = format!("{resources}, more than {MAX_RESOURCES}");
            return Err(Problem::field("inventory.resources", message).remedy(
                "let the agent look at fewer files: `inventory.files` of its configuration",
            ));
        }
        let sources =
            sources.into_iter().map(|one| source(one, &ours)).collect::<Result<_, _>>()?;
        Ok(Self {
            epoch: Epoch::new(&epoch)?,
            counter,
            root: digest(&root, "inventory.root")?,
            at: ours(at),
            took_ms,
            resources,
            sources,
            gap: gap.map(|gap| read_gap(gap, &ours)),
        })
    }
}

/// The digest that 32 bytes are.
///
/// # Errors
/// `InvalidField` for any other number of them.
pub fn digest(bytes: &[u8], field: &str) -> Result<Digest, Problem> {
    let bytes: [u8; 32] = bytes
        .try_into()
        .map_err(|_| Problem::field(field, format!("{} bytes, not 32", bytes.len())))?;
    Ok(Digest::from_bytes(bytes))
}

fn source(
    source: wire::SourceTold,
    ours: &impl Fn(u64) -> Timestamp,
) -> Result<SourceSeen, Problem> {
    let wire::SourceTold { name, complete, problem, took_ms: _, resources: _, at, kinds, still } =
        source;
    if name.is_empty() || name.len() > 64 || name.chars().any(char::is_control) {
        return Err(Problem::field("inventory.sources.name", "not 1 to 64 bytes of text"));
    }
    // A kind that only a newer agent knows is left out: nothing here is about it.
    let kinds = kinds.into_iter().filter(|kind| kind.parse::<Kind>().is_ok()).collect();
    let at = if at == 0 { Timestamp::default() } else { ours(at) };
    let problem = problem.map(|problem| short(problem.message)).unwrap_or_default();
    let still = (still != 0).then(|| ours(still));
    Ok(SourceSeen { name, complete, problem, at, kinds, still })
}

fn read_gap(gap: wire::InventoryGap, ours: &impl Fn(u64) -> Timestamp) -> ToldGap {
    let wire::InventoryGap { from, to, why, changed: _ } = gap;
    let (from, to) = (ours(from), ours(to));
    // A clock that was set back must not make a gap of nothing.
    ToldGap { from: from.min(to), to: from.max(to), why: short(why) }
}

/// Cuts a text, and leaves no line breaks in it.
fn short(text: String) -> String {
    let mut left = MAX_REASON;
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take_while(|c| {
            left = left.saturating_sub(c.len_utf8());
            left > 0
        })
        .collect()
}
