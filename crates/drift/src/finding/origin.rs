//! Where a change comes from: from us, from a known co-owner, or from nobody knows whom.
//!
//! A change is ours only where something of ours ran on that host between the looks and could have
//! touched it. What ran a program could have touched anything, and the longer nobody looked the less
//! that says; below [`SURE_ENOUGH`] it is told as a possibility, and the origin stays unknown. Of what
//! a person did in an instance only the begin is known: that explains the instance, less surely, and
//! nothing around it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tamer_model::{HostId, Timestamp, UserName};

use super::deed::{Deed, Doing, Reach};
use super::input::{HostDrift, Window};
use super::owners::Owners;
use super::piece::Piece;
use super::show;
use super::words::OriginWord;

/// What is less sure than this, of 100, is no origin.
pub const SURE_ENOUGH: u8 = 40;
/// As sure as one can be by a deed of which only the begin is known: about the very thing, and about
/// what instances bring with them.
const BEGIN_ONLY: (u8, u8) = (70, 35);
/// The most deeds of one host that are asked, the latest ones: bounds the work of a change.
pub const MAX_DEEDS: usize = 1000;
/// By how much the clocks of a host and its coordinator may differ, in milliseconds.
const CLOCKS_MS: u64 = 60_000;
const TEN_MINUTES_MS: u64 = 10 * 60 * 1000;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Where a change comes from, how sure that is, and by what one knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribution {
    /// From whom.
    #[serde(flatten)]
    pub origin: Origin,
    /// How sure it is, 0 to 100; of an unknown origin 0.
    pub confidence: u8,
    /// By what one knows, in words.
    pub evidence: String,
}

/// From whom a change comes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "from")]
pub enum Origin {
    /// Tamer did it.
    Ours {
        /// As what.
        what: Ours,
        /// Which: a batch's id, a workload's name, an instance's id.
        id: String,
        /// Who wanted it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<UserName>,
    },
    /// Something that is known to change such things by itself.
    CoOwner {
        /// Who.
        name: String,
    },
    /// Nothing that is known.
    Unknown,
}

/// What of ours it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ours {
    /// A batch.
    Batch,
    /// A workload.
    Workload,
    /// A person's operation on an instance.
    Operation,
}

impl Origin {
    /// Without saying which.
    pub const fn word(&self) -> OriginWord {
        match self {
            Self::Ours { .. } => OriginWord::Ours,
            Self::CoOwner { .. } => OriginWord::CoOwner,
            Self::Unknown => OriginWord::Unknown,
        }
    }
}

impl Attribution {
    fn unknown(evidence: String) -> Self {
        Self { origin: Origin::Unknown, confidence: 0, evidence }
    }
}

/// Everything that explains changes.
pub(super) struct Causes<'a> {
    deeds: BTreeMap<HostId, Vec<&'a Deed>>,
    owners: &'a Owners,
    now: Timestamp,
}

impl<'a> Causes<'a> {
    pub(super) fn new(deeds: &'a [Deed], owners: &'a Owners, now: Timestamp) -> Self {
        let mut by_host: BTreeMap<HostId, Vec<&Deed>> = BTreeMap::new();
        for deed in deeds {
            by_host.entry(deed.host).or_default().push(deed);
        }
        for deeds in by_host.values_mut() {
            deeds.sort_by(|a, b| (b.from, &b.doing, &b.words).cmp(&(a.from, &a.doing, &a.words)));
            deeds.truncate(MAX_DEEDS);
        }
        Self { deeds: by_host, owners, now }
    }

    pub(super) fn of(&self, piece: &Piece<'_>, hosts: &[&HostDrift]) -> Attribution {
        let host = hosts[piece.host];
        let here = self.ours(piece, host);
        let there = piece.from_host.and_then(|from| self.ours(piece, hosts[from]));
        let ours = match (here, there) {
            (Some(here), Some(there)) if there.confidence > here.confidence => Some(there),
            (Some(here), _) => Some(here),
            (None, there) => there,
        };
        match (ours, self.owner(piece, host)) {
            (Some(ours), Some(owner)) if ours.confidence >= owner.confidence => ours,
            (_, Some(owner)) => owner,
            (Some(ours), None) if ours.confidence >= SURE_ENOUGH => ours,
            (Some(ours), None) => Attribution::unknown(format!("{} It may have been something else.", ours.evidence)),
            (None, None) => Attribution::unknown(
                "Nothing of ours that could have done it ran on the host in this time, and no known co-owner fits.".to_owned(),
            ),
        }
    }

    fn owner(&self, piece: &Piece<'_>, host: &HostDrift) -> Option<Attribution> {
        let (owner, held) = self.owners.of(piece, host)?;
        let besides = held.map(|held| format!(" ({} {} is there)", held.key.kind(), held.name));
        let evidence =
            format!("{}{}.", show::sentence(&owner.evidence), besides.unwrap_or_default());
        let origin = Origin::CoOwner { name: owner.name.clone() };
        Some(Attribution { origin, confidence: owner.confidence, evidence })
    }

    /// The likeliest of our deeds: the surest, of these the latest.
    fn ours(&self, piece: &Piece<'_>, host: &HostDrift) -> Option<Attribution> {
        let deeds = self.deeds.get(&host.host)?;
        let met = deeds.iter().filter(|deed| piece.window.meets(deed.from, deed.to));
        let sure = met.filter_map(|deed| self.sure(piece, deed).map(|sure| (deed, sure)));
        let (deed, (confidence, why)) =
            sure.reduce(|best, one| if one.1.0 > best.1.0 { one } else { best })?;
        let (what, id, name) = name(&deed.doing);
        let when = match deed.to {
            Some(to) if !begin_only(deed) => {
                format!("from {} to {}", show::time(deed.from), show::time(to))
            }
            Some(_) | None => format!("at {}, and its end is not known", show::time(deed.from)),
        };
        let evidence = format!("{name} {} {when}; {why}.", deed.words);
        let origin = Origin::Ours { what, id, by: deed.by.clone() };
        Some(Attribution { origin, confidence, evidence })
    }

    /// How sure it is that a deed did it, and why.
    fn sure(&self, piece: &Piece<'_>, deed: &Deed) -> Option<(u8, &'static str)> {
        let lead = piece.lead();
        let reach = deed.touched.reach(&lead.key, &lead.name)?;
        let (sure, why) = self.by_reach(reach, piece, deed)?;
        let most = match reach {
            _ if !begin_only(deed) => 100,
            Reach::Itself => BEGIN_ONLY.0,
            Reach::Along | Reach::Anything => BEGIN_ONLY.1,
        };
        Some((sure.min(most), why))
    }

    fn by_reach(&self, reach: Reach, piece: &Piece<'_>, deed: &Deed) -> Option<(u8, &'static str)> {
        match (reach, told(piece).map(|told| inside(deed, told, self.now))) {
            (Reach::Itself, Some(true)) => {
                Some((98, "it is about this very thing, which was changed in that time"))
            }
            (Reach::Itself, None) => Some((95, "it is about this very thing")),
            (Reach::Itself, Some(false)) => Some((
                60,
                "it is about this very thing, which by its own time was changed outside of it",
            )),
            (Reach::Along, Some(true)) => {
                Some((80, "instances bring such things with them, and it was changed in that time"))
            }
            (Reach::Along, None) => Some((60, "instances bring such things with them")),
            (Reach::Anything, Some(true)) => Some((
                85,
                "it ran a program, which may change anything, and this was changed in that time",
            )),
            (Reach::Anything, None) => Some(by_width(piece.window)),
            (Reach::Along | Reach::Anything, Some(false)) => None,
        }
    }
}

/// When a thing itself says that it was changed. The time it was made says that of new ones only.
fn told(piece: &Piece<'_>) -> Option<Timestamp> {
    let after = piece.after?;
    let made = piece.before.is_none_or(|before| before.created != after.created);
    after.updated.or(after.created.filter(|_| made))
}

/// Whether the end of a deed is a guess.
const fn begin_only(deed: &Deed) -> bool {
    match deed.doing {
        Doing::Operation(_) => true,
        Doing::Batch(_) | Doing::Workload { .. } => false,
    }
}

fn by_width(window: Window) -> (u8, &'static str) {
    let width = window.to.as_millis().saturating_sub(window.from.as_millis());
    if width <= TEN_MINUTES_MS {
        (70, "it ran a program, which may change anything, and the two looks are close together")
    } else if width <= DAY_MS {
        (45, "it ran a program, which may change anything, between two looks within a day")
    } else {
        (25, "it ran a program, which may change anything, between two looks far apart")
    }
}

fn inside(deed: &Deed, told: Timestamp, now: Timestamp) -> bool {
    let end = deed.to.unwrap_or(now).as_millis().saturating_add(CLOCKS_MS);
    told.as_millis().saturating_add(CLOCKS_MS) >= deed.from.as_millis() && told.as_millis() <= end
}

/// Copies of a workload are one cause on every host.
fn name(doing: &Doing) -> (Ours, String, String) {
    match doing {
        Doing::Batch(id) => (Ours::Batch, id.to_string(), format!("Batch {id}")),
        Doing::Workload { name, placement } => {
            (Ours::Workload, name.to_string(), format!("Workload {name} (placement {placement})"))
        }
        Doing::Operation(id) => {
            (Ours::Operation, id.to_string(), format!("An operation on instance {id}"))
        }
    }
}
