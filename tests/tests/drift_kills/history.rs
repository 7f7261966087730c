//! What is told of a host's past, carried out on what it held.

use std::collections::BTreeMap;

use jiff::{Span, Timestamp};
use serde_json::Value;
use tamer_tests::until;

use super::SETTLED;
use super::disk::{Held, digests};
use super::fleet::{Fleet, name};
use super::report::{list, text};
use super::strike::Away;
use super::tally::Tally;

/// How far clocks may be apart that are the same one: an agent's time becomes ours by what its
/// hello took.
const CLOCKS_MS: i64 = 2_000;

/// The newest step that was known, and what the host held then; none before its first picture.
#[derive(Clone, Default)]
pub struct Mark {
    step: Option<Value>,
    held: Held,
}

impl Fleet {
    /// Checks what the history says of this moment, and begins the next one.
    pub fn histories(&mut self, away: &Away, tally: &mut Tally) {
        for host in 0..self.disks.len() {
            let steps = until("the history says who was away", SETTLED, || {
                let steps = self.steps(host);
                if self.is_told(host, &steps, away) {
                    Ok(steps)
                } else {
                    Err(format!("{steps:#?}"))
                }
            });
            self.begins_where_it_must(host, &steps, away, tally);
            self.carry_out(host, &steps, tally);
            if let Some(gap) = gap(&steps, away) {
                tally.gaps = [tally.gaps[0] + 1, tally.gaps[1] + changed(gap)];
            }
            if let Some(newest) = steps.into_iter().next() {
                self.marks[host].step = Some(newest);
            }
            self.marks[host].held = self.disks[host].held().clone();
        }
    }

    /// The steps since the last quiet moment, the newest first.
    fn steps(&self, host: usize) -> Vec<Value> {
        let told = self.ctl().json(&["drift", "history", &name(host), "--limit", "1000"]);
        let all = list(&told).iter();
        let last = self.marks[host].step.as_ref();
        let same = |step: &Value| last.is_some_and(|last| last == step);
        let new: Vec<_> = all.take_while(|step| !same(step)).cloned().collect();
        let stays = last.is_none() || new.len() < list(&told).len();
        assert!(stays, "it was told, and is not any more: {last:#?} in {told:#}");
        new
    }

    /// Whether the gap of an agent that was dead is told; of one that had seen nothing, its begin.
    fn is_told(&self, host: usize, steps: &[Value], away: &Away) -> bool {
        let is_first = self.marks[host].step.is_none();
        match away.hosts.contains(&host) {
            true if !is_first => gap(steps, away)
                .is_some_and(|gap| changed(gap) >= u64::try_from(away.changed[host]).expect("few")),
            _ => !is_first || !steps.is_empty(),
        }
    }

    /// A chain begins with the first picture, and after its memory was lost: never otherwise.
    fn begins_where_it_must(&self, host: usize, steps: &[Value], away: &Away, tally: &mut Tally) {
        let begun = steps.iter().filter(|step| step["began"] == true).count();
        let forgot = away.forgot == Some(host);
        let wanted = usize::from(forgot || self.marks[host].step.is_none());
        assert_eq!(begun, wanted, "chains of {} begun anew: {steps:#?}", name(host));
        tally.forgotten += u64::from(forgot);
    }

    /// Carries every step out on what the host held: it holds that now.
    fn carry_out(&self, host: usize, steps: &[Value], tally: &mut Tally) {
        let all_told =
            |step: &Value| Some(list(&step["changes"]).len() as u64) == step["changed"].as_u64();
        // A first picture has no steps, and of a very long one only the beginning is told.
        if self.marks[host].step.is_none() || !steps.iter().all(all_told) {
            return;
        }
        let mut files = digests(&self.marks[host].held);
        for change in steps.iter().rev().flat_map(|step| list(&step["changes"])) {
            step(&mut files, change);
        }
        let now = digests(self.disks[host].held());
        assert!(files == now, "the history of {} leads elsewhere: {steps:#?}", name(host));
        tally.histories += 1;
    }
}

/// The gap in which somebody was away.
fn gap<'a>(steps: &'a [Value], away: &Away) -> Option<&'a Value> {
    let slack = Span::new().milliseconds(CLOCKS_MS);
    let time = |value: &Value| text(value).parse::<Timestamp>().expect("a time");
    let covers = |gap: &&Value| {
        gap.is_object()
            && time(&gap["from"]) <= away.from + slack
            && time(&gap["to"]) >= away.to - slack
    };
    steps.iter().map(|step| &step["gap"]).find(covers)
}

fn changed(gap: &Value) -> u64 {
    gap["changed"].as_u64().unwrap_or_else(|| panic!("how many changed inside: {gap:#}"))
}

fn step(files: &mut BTreeMap<String, String>, change: &Value) {
    let key = text(&change["key"]);
    let Some(path) = key.strip_prefix("file/host/") else { return };
    let what = &change["what"];
    if let Some(came) = what.get("created") {
        let before = files.insert(path.to_owned(), text(&came["properties"]["digest"]));
        assert_eq!(before, None, "{path} was there when it came");
    } else if what.get("deleted").is_some() {
        assert!(files.remove(path).is_some(), "{path} was not there when it went");
    } else {
        let mut fields = list(&what["changed"]).iter();
        let digest = fields.find(|field| field["path"] == "digest").expect("other content");
        let before = files.insert(path.to_owned(), text(&digest["after"]));
        assert_eq!(before, Some(text(&digest["before"])), "{path} was something else");
    }
}
