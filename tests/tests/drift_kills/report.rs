//! What `tamerctl drift` says, held against what lies on the disks.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tamer_tests::until;

use super::SETTLED;
use super::disk::differ;
use super::fleet::{Fleet, HOSTS, name};
use super::tally::Tally;

/// What is said of one host.
#[derive(Debug, Default)]
struct Said {
    /// The files that differ, and how.
    files: BTreeMap<String, String>,
    /// What of it was not seen.
    doubts: BTreeSet<String>,
}

/// A report.
struct Report {
    code: i32,
    hosts: BTreeMap<String, Said>,
    /// Some of it is a gap, which is told with every difference.
    gaps: bool,
}

impl Fleet {
    /// Waits until a report tells exactly the files that differ from the baseline. Of hosts in
    /// `restarted` nobody knows how they are before their agents have looked again: whoever says
    /// something else of them until then, and has no doubt, is wrong.
    pub fn until_seen(&self, restarted: &[usize], tally: &mut Tally) {
        until("a report says what lies on the disks", SETTLED, || {
            let report = self.report()?;
            tally.looks[0] += 1;
            let mut wrong = Vec::new();
            for host in 0..HOSTS {
                wrong.extend(self.wrong(host, &report, restarted.contains(&host), tally));
            }
            if wrong.is_empty() { self.agrees(&report) } else { Err(wrong.join("\n")) }
        });
    }

    /// What a report says that is not so, or not any more.
    fn wrong(
        &self,
        host: usize,
        report: &Report,
        restarted: bool,
        tally: &mut Tally,
    ) -> Option<String> {
        let wanted = differ(&self.baseline[host], self.disks[host].held());
        let nothing = Said::default();
        let Said { files, doubts } = report.hosts.get(&name(host)).unwrap_or(&nothing);
        if !doubts.is_empty() {
            tally.looks[1] += 1;
            return Some(format!("{}: {doubts:?}", name(host)));
        }
        if *files == wanted {
            return None;
        }
        let words = format!("of {} it says {files:?}, and what differs is {wanted:?}", name(host));
        assert!(!restarted, "without a doubt, before its agent looked again: {words}");
        Some(words)
    }

    /// The exit code of a report that is right.
    fn agrees(&self, report: &Report) -> Result<(), String> {
        let same = self.disks.iter().zip(&self.baseline).all(|(disk, was)| disk.held() == was);
        match (report.code, same) {
            (1, false) | (0, true) => Ok(()),
            // Something else on this machine differs, and comes with its gap.
            (2, true) if report.gaps => Ok(()),
            (code, _) => Err(format!("it ends with {code}; nothing differs: {same}")),
        }
    }

    fn report(&self) -> Result<Report, String> {
        let ended = self.ctl().run(&["-o", "json", "drift", "--kind", "file"]);
        let said: Value = serde_json::from_slice(&ended.stdout)
            .map_err(|error| format!("{error}: {}", ended.stderr))?;
        let mut report = Report { code: ended.code(), hosts: BTreeMap::new(), gaps: false };
        for finding in list(&said["findings"]) {
            for host in list(&finding["hosts"]) {
                let files = &mut report.hosts.entry(text(&host["name"])).or_default().files;
                let twice = files.insert(text(&host["id"]), text(&finding["change"]));
                assert_eq!(twice, None, "{finding:#}");
            }
        }
        for unseen in list(&said["unobserved"]) {
            report.gaps |= unseen["gap"].is_object();
            let source = unseen["incomplete"]["source"].as_str();
            // Other collectors may fail on a machine that has other things to do.
            if source.is_some_and(|source| ["tamer", "files"].contains(&source)) {
                let doubts = &mut report.hosts.entry(text(&unseen["name"])).or_default().doubts;
                doubts.insert(text(&unseen["words"]));
            }
        }
        Ok(report)
    }
}

/// The elements of a list.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A text that has to be there.
#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text: {value:#}")).to_owned()
}
