//! What a batch would be.

use serde::Serialize;
use tamer_proto::wire;

use crate::output::human;

/// What a batch would be for, and how it would proceed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Preview {
    /// The action in a few words.
    pub summary: String,
    pub targets: u32,
    /// Of these: on hosts that can be reached and take work.
    pub ready: u32,
    pub lost: u32,
    pub cordoned: u32,
    /// Hosts among or of the targets.
    pub hosts: u32,
    /// Hosts of the whole fleet.
    pub fleet: u32,
    /// The sizes of the waves.
    pub waves: Vec<u32>,
    /// The first targets, by name.
    pub first: Vec<String>,
    /// Says which targets these are: a batch can be held to them.
    #[serde(skip)]
    pub fingerprint: Vec<u8>,
}

impl Preview {
    /// On one line: `37 hosts: 34 ready, 2 lost, 1 cordoned; waves 1, 12, 24`.
    pub fn on_one_line(&self, noun: &str) -> String {
        let counts = [(self.ready, "ready"), (self.lost, "lost"), (self.cordoned, "cordoned")];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        let counts: Vec<_> = counts.map(|(count, word)| format!("{count} {word}")).collect();
        let mut text = human::count(self.targets as usize, noun);
        if !counts.is_empty() {
            text = format!("{text}: {}", counts.join(", "));
        }
        match self.waves.as_slice() {
            [] | [_] => text,
            several => format!("{text}; waves {}", sizes(several)),
        }
    }
}

/// The sizes of waves; the same size again and again is said once.
fn sizes(waves: &[u32]) -> String {
    let runs = waves.chunk_by(|one, other| one == other);
    let runs = runs.map(|run| match run {
        [size, _, _, ..] => format!("{} of {size}", run.len()),
        few => few.iter().map(u32::to_string).collect::<Vec<_>>().join(", "),
    });
    runs.collect::<Vec<_>>().join(", ")
}

impl From<wire::BatchPreview> for Preview {
    fn from(preview: wire::BatchPreview) -> Self {
        let wire::BatchPreview {
            targets,
            ready,
            lost,
            cordoned,
            hosts,
            fleet,
            waves,
            first,
            fingerprint,
            summary,
        } = preview;
        Self { summary, targets, ready, lost, cordoned, hosts, fleet, waves, first, fingerprint }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_in_one_line() {
        let preview = |targets, ready, lost, cordoned, waves: &[u32]| {
            let told = wire::BatchPreview {
                targets,
                ready,
                lost,
                cordoned,
                waves: waves.to_vec(),
                ..wire::BatchPreview::default()
            };
            Preview::from(told).on_one_line("host")
        };
        assert_eq!(
            preview(37, 34, 2, 1, &[1, 12, 24]),
            "37 hosts: 34 ready, 2 lost, 1 cordoned; waves 1, 12, 24"
        );
        assert_eq!(preview(1, 1, 0, 0, &[1]), "1 host: 1 ready");
        assert_eq!(preview(0, 0, 0, 0, &[]), "0 hosts");
        assert_eq!(preview(9, 9, 0, 0, &[1, 2, 2, 2, 2]), "9 hosts: 9 ready; waves 1, 4 of 2");
    }
}
