//! What outlives the agent of its picture, and what a start makes of it.

use serde::{Deserialize, Serialize};
use tamer_drift::tree::Picture;
use tamer_drift::{Digest, Resource};
use tamer_model::Timestamp;

use super::told::{Gap, SourceReport};

/// The beginning of the file: everything but the nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The chain.
    pub epoch: [u8; 16],
    /// The counter of this picture.
    pub counter: u64,
    /// The name of its tree.
    pub root: Digest,
    /// The root that was told with the counter before.
    pub before: Option<Digest>,
    /// When it was whole.
    pub at: Timestamp,
    /// Its sources, as they were then.
    pub sources: Vec<SourceReport>,
    /// A gap that no coordinator is known to have stored.
    pub gap: Option<Gap>,
}

/// When the picture was last seen to be as it is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Of which chain.
    pub epoch: [u8; 16],
    /// When.
    pub at: Timestamp,
}

/// A picture and its place in a chain.
pub struct Memory {
    /// What is written with it.
    pub head: Head,
    /// The resources.
    pub picture: Picture<Resource>,
}

/// What was found on the disk.
pub enum Kept {
    /// A picture.
    Whole(Box<Memory>),
    /// None, and there never was one.
    Nothing,
    /// None that can be used, and why.
    Lost(String),
}

impl Memory {
    /// What a start makes of what was kept: the same chain goes on, with a gap; or another one
    /// begins, `epoch`, which says why.
    pub fn resume(kept: Kept, observed: Option<Observed>, epoch: [u8; 16]) -> Self {
        match kept {
            Kept::Whole(mut memory) => {
                let head = &mut memory.head;
                let seen = observed.filter(|observed| observed.epoch == head.epoch);
                let last = seen.map_or(head.at, |observed| observed.at.max(head.at));
                head.gap = Some(Gap::since(last, "the agent did not run").after(head.gap.take()));
                head.counter += 1;
                head.before = Some(head.root);
                *memory
            }
            Kept::Nothing => Self::empty(epoch, None),
            Kept::Lost(why) => {
                let from = observed.map_or(Timestamp::from_millis(0), |observed| observed.at);
                let why = format!("the memory of this host was lost: {why}");
                Self::empty(epoch, Some(Gap::since(from, why)))
            }
        }
    }

    fn empty(epoch: [u8; 16], gap: Option<Gap>) -> Self {
        let mut picture = Picture::new();
        let root = picture.root();
        let at = Timestamp::from_millis(0);
        let head = Head { epoch, counter: 1, root, before: None, at, sources: Vec::new(), gap };
        Self { head, picture }
    }
}
