//! Progress as lines: each thing when it begins, when it is done, and once a second between.

use std::collections::BTreeMap;
use std::time::Duration;

use tamer_provider::Progress;
use tokio::time::Instant;

/// Between two lines about the same thing.
const EVERY: Duration = Duration::from_secs(1);
/// Things that are told of at once: an image has a few dozen layers. More begin the count anew.
const THINGS: usize = 256;

/// Which lines were told.
#[derive(Debug, Default)]
pub struct Lines {
    /// Each thing, when a line was last told of it, and whether that line said that it is done.
    told: BTreeMap<String, (Instant, bool)>,
}

impl Lines {
    /// The line for this progress, with its line feed, if one is due.
    pub fn line(&mut self, progress: &Progress) -> Option<String> {
        let Progress { what, done_bytes, total_bytes } = progress;
        let (now, done) = (Instant::now(), total_bytes.is_some() && done_bytes >= total_bytes);
        if let Some((at, was_done)) = self.told.get(what)
            && (*was_done || (!done && now - *at < EVERY))
        {
            return None;
        }
        if self.told.len() >= THINGS {
            self.told.clear();
        }
        self.told.insert(what.clone(), (now, done));
        Some(match (done_bytes, total_bytes) {
            (Some(done), Some(total)) => format!("{what}: {} of {}\n", size(*done), size(*total)),
            (Some(done), None) => format!("{what}: {}\n", size(*done)),
            (None, _) => format!("{what}\n"),
        })
    }
}

/// Bytes as people read them.
fn size(bytes: u64) -> String {
    const MIB: f64 = 1024.0 * 1024.0;
    let mib = bytes as f64 / MIB;
    if mib < 0.1 { format!("{bytes} B") } else { format!("{mib:.1} MiB") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(what: &str, done: u64) -> Progress {
        Progress {
            what: what.to_owned(),
            done_bytes: Some(done << 20),
            total_bytes: Some(10 << 20),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_thing_is_told_once_a_second_and_when_it_is_done() {
        let mut lines = Lines::default();
        let first = lines.line(&progress("layer a", 1));
        assert_eq!(first.as_deref(), Some("layer a: 1.0 MiB of 10.0 MiB\n"));
        assert_eq!(lines.line(&progress("layer a", 2)), None);
        assert!(lines.line(&progress("layer b", 2)).is_some(), "another thing has its own second");
        tokio::time::advance(EVERY).await;
        assert!(lines.line(&progress("layer a", 3)).is_some());
        assert!(lines.line(&progress("layer a", 10)).is_some());
        tokio::time::advance(EVERY).await;
        assert_eq!(lines.line(&progress("layer a", 10)), None, "done is told once");
    }

    #[tokio::test(start_paused = true)]
    async fn things_that_are_told_of_are_bounded() {
        let mut lines = Lines::default();
        for number in 0..10 * THINGS {
            lines.line(&progress(&number.to_string(), 1));
            assert!(lines.told.len() <= THINGS);
        }
    }
}
