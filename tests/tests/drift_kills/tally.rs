//! What a campaign has met.

use std::collections::BTreeMap;
use std::fmt;

use super::moment::Victims;

/// What was going on when somebody died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The agent had not written down a picture with what had changed.
    Look,
    /// It had, and the coordinator had no record of it.
    Upload,
    /// Everything that had changed was on record.
    Between,
}

/// Counts.
#[derive(Default)]
pub struct Tally {
    struck: BTreeMap<(Phase, String), u64>,
    /// Pictures that were a host's first, by where they were struck.
    first: BTreeMap<Phase, u64>,
    /// Requests by what they asked, and whether they were acknowledged at once or after another try.
    requests: BTreeMap<(String, bool), u64>,
    /// Snapshots that were acknowledged.
    pub snapshots: u64,
    /// Looks at a report, and those of them that said that not everything was seen.
    pub looks: [u64; 2],
    /// Gaps that were told, and resources that changed inside.
    pub gaps: [u64; 2],
    /// Histories that were carried out and gave what lies on the disk.
    pub histories: u64,
    /// Nodes that were harmed, named, and came again; and those of them that did before anybody looked.
    pub mended: [u64; 2],
    /// Chains that began anew because the memory was deleted.
    pub forgotten: u64,
}

impl Tally {
    pub fn struck(&mut self, phase: Phase, victims: Victims, first: bool) {
        *self.struck.entry((phase, format!("{victims:?}"))).or_default() += 1;
        if first {
            *self.first.entry(phase).or_default() += 1;
        }
    }

    pub fn request(&mut self, what: &str, acknowledged: bool) {
        *self.requests.entry((what.to_owned(), acknowledged)).or_default() += 1;
    }

    /// A campaign that met no doubt, gap or harm has shown nothing; and a long one none that never hit
    /// a look or an upload, which are too short for a few kills to hit them for sure.
    pub fn has_met_everything(&self, long: bool) {
        let met = [self.gaps[1], self.histories, self.mended[0], self.forgotten, self.looks[1]];
        assert!(met.iter().all(|count| *count > 0), "{self}");
        for phase in [Phase::Look, Phase::Upload, Phase::Between] {
            let hit = self.struck.keys().any(|(met, _)| *met == phase);
            assert!(hit || !long, "{phase:?}: {self}");
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: u64 = self.struck.values().sum();
        writeln!(f, "{all} kills: {:?}", self.struck)?;
        writeln!(f, "of them in first pictures: {:?}", self.first)?;
        writeln!(f, "requests, by whether they were acknowledged: {:?}", self.requests)?;
        let [looks, doubts] = self.looks;
        writeln!(f, "{looks} looks at reports, of which {doubts} said that not all was seen")?;
        let [gaps, changed] = self.gaps;
        writeln!(f, "{gaps} gaps told, with {changed} changes inside")?;
        let [mended, early] = self.mended;
        writeln!(f, "{mended} harmed nodes mended, {early} of them before anybody looked")?;
        writeln!(f, "{} histories carried out", self.histories)?;
        write!(f, "{} chains begun anew, {} snapshots kept", self.forgotten, self.snapshots)
    }
}
