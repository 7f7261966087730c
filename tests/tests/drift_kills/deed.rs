//! What is done when somebody dies.

use super::damage::Harm;

/// What goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Files are changed, and looked at, and told.
    Edit,
    /// The same, and somebody takes a snapshot.
    Take,
    /// The same, and somebody makes an earlier snapshot the baseline.
    Set,
    /// Somebody accepts what differs.
    Accept,
    /// The agent's memory is deleted while it is dead.
    Forget,
    /// A node of the coordinator is harmed while it is dead.
    Harm(Harm),
}

/// One of each in this many.
pub const SORTS: u64 = ALL.len() as u64;

const ALL: [Deed; 12] = [
    Deed::Edit,
    Deed::Take,
    Deed::Accept,
    Deed::Edit,
    Deed::Harm(Harm::Cut),
    Deed::Set,
    Deed::Edit,
    Deed::Harm(Harm::Tamper),
    Deed::Take,
    Deed::Forget,
    Deed::Accept,
    Deed::Harm(Harm::Delete),
];

impl Deed {
    /// That of a seed: those that follow each other are different.
    pub fn of(seed: u64) -> Self {
        ALL[(seed % SORTS) as usize]
    }

    /// Whether files may change while somebody is dead. Not where a request may be carried out after
    /// that: it means what was there before. And not where a node is harmed that only what was there
    /// before has.
    pub fn lets_change_meanwhile(self) -> bool {
        match self {
            Self::Edit | Self::Take | Self::Set | Self::Forget => true,
            Self::Accept | Self::Harm(_) => false,
        }
    }

    /// What a person asks meanwhile. `snapshot` is an earlier one.
    pub fn request<'a>(self, snapshot: &'a str, note: &'a str) -> Option<Vec<&'a str>> {
        match self {
            Self::Take => Some(vec!["snapshot", "take", "--name", note]),
            Self::Set => Some(vec!["baseline", "set", snapshot, "--note", note]),
            Self::Accept => Some(vec!["baseline", "accept", "--all", "--yes", "--note", note]),
            Self::Edit | Self::Forget | Self::Harm(_) => None,
        }
    }
}
