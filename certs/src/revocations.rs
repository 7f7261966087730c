//! Which certificates and holders the fleet refuses. The coordinator owns the set, filled from
//! the store; the server's verifier reads it in every handshake.

use std::collections::HashSet;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tamer_model::Role;

use crate::{PeerIdentity, Serial};

/// One thing that is refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Revoked {
    /// One certificate.
    Serial(Serial),
    /// Every certificate of a holder, those of the future included.
    Holder(Role),
}

/// The set of what is refused. Cheap to clone, and every clone is the same set. Its size is the
/// caller's: it holds what the store holds.
#[derive(Clone, Default)]
pub struct Revocations(Arc<ArcSwap<HashSet<Revoked>>>);

impl Revocations {
    /// Whether this certificate or its holder is refused.
    pub fn contains(&self, peer: &PeerIdentity) -> bool {
        let set = self.0.load();
        set.contains(&Revoked::Serial(peer.serial))
            || set.contains(&Revoked::Holder(peer.identity.role.clone()))
    }

    /// Adds one; handshakes that begin after the return are refused. Connections that stand are
    /// the caller's to end.
    pub fn insert(&self, revoked: Revoked) {
        self.0.rcu(|set| {
            let mut set = HashSet::clone(set);
            set.insert(revoked.clone());
            set
        });
    }

    /// Puts another set in the place of this one.
    pub fn replace(&self, revoked: impl IntoIterator<Item = Revoked>) {
        self.0.store(Arc::new(revoked.into_iter().collect()));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.load().len()
    }

    /// Whether nothing is refused.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl std::fmt::Debug for Revocations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Revocations({})", self.len())
    }
}
