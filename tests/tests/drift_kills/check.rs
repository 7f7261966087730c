//! What has to be so at every quiet moment.

use std::collections::BTreeMap;

use serde_json::Value;
use tamer_tests::until;

use super::SETTLED;
use super::disk::{Held, digests};
use super::fleet::{Fleet, HOSTS, Kept, name};
use super::report::{list, text};
use super::strike::Away;
use super::tally::Tally;

impl Fleet {
    /// Everything: what hosts hold, what is kept, what was.
    pub fn check(&mut self, away: &Away, tally: &mut Tally) {
        self.histories(away, tally);
        let settled = self.take_settled();
        self.settled = Some(settled);
        let all = self.ctl().json(&["snapshot", "ls"]);
        let all: Vec<_> = list(&all).iter().map(Kept::of).collect();
        for kept in &self.kept {
            assert!(all.contains(kept), "acknowledged, and gone: {kept:?} in {all:#?}");
        }
        tally.snapshots = tally.snapshots.max(self.kept.len() as u64);
        let (found, code) = self.verify();
        assert!(code == 0 && list(&found["damage"]).is_empty(), "damaged: {found:#}");
    }

    /// A node that was harmed is named, asked for, and comes again. Whoever else reads it first names
    /// it in the log; then it may have come again before anybody looks for damage.
    pub fn look_for_harm(&self, away: &Away, tally: &mut Tally) {
        let Some(harmed) = away.harmed.map(|harmed| harmed.to_string()) else { return };
        let (found, code) = self.verify();
        let named = list(&found["damage"]).iter().any(|one| one["digest"] == *harmed);
        let log = self.coordinator.process.stderr();
        let before = code == 0 && list(&found["damage"]).is_empty() && log.contains(&harmed);
        assert!(before || (code == 1 && named), "{harmed} is not named: {found:#}");
        until("a harmed node has come again", SETTLED, || match self.verify() {
            (found, 0) if list(&found["damage"]).is_empty() => Ok(()),
            (found, code) => Err(format!("{code}: {found:#}")),
        });
        tally.mended = [tally.mended[0] + 1, tally.mended[1] + u64::from(before)];
    }

    fn verify(&self) -> (Value, i32) {
        self.ctl().json_code(&["snapshot", "verify"])
    }

    /// A snapshot of what lies on the disks. Its id, and that.
    fn take_settled(&mut self) -> (String, Vec<Held>) {
        let held = self.held();
        let wanted: Vec<_> = held.iter().map(digests).collect();
        let mut acknowledged = Vec::new();
        let id = until("a snapshot of what lies on the disks", SETTLED, || {
            // Refused while nothing at all is known.
            let ended = self.ctl().run(&["-o", "json", "snapshot", "take"]);
            let taken: Value =
                serde_json::from_slice(&ended.stdout).map_err(|_| ended.stderr.clone())?;
            acknowledged.push(Kept::of(&taken));
            let id = text(&taken["snapshot"]);
            if (&taken["hosts"], &taken["missing"]) != (&HOSTS.into(), &0.into()) {
                return Err(format!("{taken:#}"));
            }
            let seen = |host: usize| self.pictured(&id, host) == wanted[host];
            if (0..HOSTS).all(seen) { Ok(id) } else { Err(format!("another picture: {id}")) }
        });
        self.kept.extend(acknowledged);
        (id, held)
    }

    /// The files of a host in a snapshot, with their digests.
    fn pictured(&self, snapshot: &str, host: usize) -> BTreeMap<String, String> {
        let shown = self.ctl().json(&["snapshot", "show", snapshot, "--host", &name(host)]);
        let all = list(&shown["resources"]).iter();
        let file = |one: &Value| {
            let path = text(&one["key"]).strip_prefix("file/host/")?.to_owned();
            Some((path, text(&one["properties"]["digest"])))
        };
        all.filter_map(file).collect()
    }
}
