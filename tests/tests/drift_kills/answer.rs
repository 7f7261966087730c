//! What people were told, and what has become of what they asked for.

use serde_json::Value;
use tamer_tests::Ended;

use super::deed::Deed;
use super::disk::Held;
use super::fleet::{Fleet, Kept};
use super::report::text;
use super::tally::Tally;

impl Fleet {
    /// What was acknowledged was done, once; what was not may have been. Nothing else was.
    pub fn answered(&mut self, deed: Deed, answer: Option<Ended>, tally: &mut Tally) {
        let told = answer.filter(|answer| answer.code() == 0);
        let told: Option<Value> =
            told.map(|answer| serde_json::from_slice(&answer.stdout).expect("json"));
        let shown = self.ctl().json(&["baseline", "show", "default"]);
        let versions = shown.as_array().expect("versions").clone();
        let new = versions.len().checked_sub(self.versions.len()).expect("versions stay");
        assert_eq!(versions[new..], self.versions, "a version is written once");
        match deed {
            Deed::Take => self.kept.extend(told.as_ref().map(Kept::of)),
            Deed::Set | Deed::Accept => {
                assert!(new <= 1, "it was asked once: {versions:#?}");
                if let Some(told) = &told {
                    assert_eq!((new, &versions[0]), (1, told), "what is told is there");
                }
            }
            Deed::Edit | Deed::Forget | Deed::Harm(_) => {}
        }
        if matches!(deed, Deed::Take | Deed::Set | Deed::Accept) {
            tally.request(&format!("{deed:?}"), told.is_some());
        }
        if new == 1 {
            self.baseline = self.meant(deed, &versions[0]);
            let id = text(&versions[0]["snapshot"]);
            self.kept.push(Kept::of(&self.ctl().json(&["snapshot", "show", &id])));
        }
        assert!(
            new == 0 || matches!(deed, Deed::Set | Deed::Accept),
            "nobody asked: {versions:#?}"
        );
        self.versions = versions;
    }

    /// What a new version of the baseline holds.
    fn meant(&self, deed: Deed, version: &Value) -> Vec<Held> {
        if deed == Deed::Accept {
            return self.held();
        }
        let (id, held) = self.settled.as_ref().expect("one was meant");
        assert_eq!(version["snapshot"], **id, "the one that was named");
        held.clone()
    }
}

impl Kept {
    /// Of what tamerctl tells.
    pub fn of(told: &Value) -> Self {
        let number = |key: &str| told[key].as_u64().unwrap_or_else(|| panic!("{key}: {told:#}"));
        Self {
            id: text(&told["snapshot"]),
            checksum: text(&told["checksum"]),
            hosts: number("hosts"),
            resources: number("resources"),
        }
    }
}
