//! What the controller decided about single records, on its way to the store.

use tamer_model::{HostId, Placement, PlacementId, PlacementStatus};
use tamer_store::{Key, Revision, Write};

use super::trouble::Trouble;
use crate::state::{encode, keys};

/// That a record is still the one that something was decided on.
pub type Given = (Key, Revision);

/// One decision. What an agent told needs no precondition: nobody but this controller writes it, and
/// the newest is the truth.
#[derive(Debug, Clone)]
pub enum Deed {
    /// A copy is made.
    Make { placement: Placement, given: Vec<Given> },
    /// A copy is to stop.
    Stop { placement: Placement, given: Vec<Given> },
    /// A copy is gone, and so are its records.
    Remove { host: HostId, id: PlacementId },
    /// A host told how a copy stands.
    Told { host: HostId, id: PlacementId, status: PlacementStatus },
    /// What fails on a host.
    Trouble { host: HostId, trouble: Trouble },
}

impl Deed {
    /// The host that it is about.
    pub const fn host(&self) -> HostId {
        match self {
            Self::Make { placement, .. } | Self::Stop { placement, .. } => placement.host,
            Self::Remove { host, .. } | Self::Told { host, .. } | Self::Trouble { host, .. } => {
                *host
            }
        }
    }

    /// What must hold for it.
    pub fn given(&self) -> &[Given] {
        match self {
            Self::Make { given, .. } | Self::Stop { given, .. } => given,
            Self::Remove { .. } | Self::Told { .. } | Self::Trouble { .. } => &[],
        }
    }

    /// What it writes.
    pub fn writes(&self) -> Vec<Write> {
        let put = |key: Key, value: Vec<u8>| Write::Put(key, value.into());
        match self {
            Self::Make { placement, .. } | Self::Stop { placement, .. } => {
                vec![put(keys::placement(placement.host, placement.id), encode(placement))]
            }
            Self::Remove { host, id } => vec![
                Write::Delete(keys::placement(*host, *id)),
                Write::Delete(keys::placed(*host, *id)),
            ],
            Self::Told { host, id, status } => vec![put(keys::placed(*host, *id), encode(status))],
            Self::Trouble { host, trouble } if trouble.is_over() => {
                vec![Write::Delete(keys::trouble(*host))]
            }
            Self::Trouble { host, trouble } => vec![put(keys::trouble(*host), encode(trouble))],
        }
    }
}
