//! Everything that is looked at on this host.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tamer_drift::Kind;
use tamer_provider::registry::Registry;

use super::certificates::Certificates;
use super::configs::{ConfigFile, Configs};
use super::files::Files;
use super::providers::Scanned;
use super::trees::{PREFIX, Trees};
use crate::inventory::{
    About, Blocking, Collector, Hider, Ids, Limits, News, Pace, Pattern, Settings,
};
use crate::platform;

/// How long all trees together may take: a first walk over a million files reads all of them. What
/// is not done then goes on, and the next look finds it done.
const TREES: Duration = Duration::from_secs(600);

/// The collectors of this host; `folder` is where they may keep what saves them work.
pub fn all(
    settings: &Settings,
    folder: &Path,
    registry: &Registry,
    hider: &Hider,
    pace: &Pace,
) -> Vec<Arc<dyn Collector>> {
    let mut all = platform::collectors(&settings.sysctls, hider, pace);
    let (trees, files): (Vec<_>, Vec<_>) =
        settings.files.iter().cloned().partition(Pattern::is_tree);
    let about = About::host("files", [Kind::File], news(&files));
    let about = About { ids: Ids::Without(PREFIX), ..about };
    all.push(Arc::new(Blocking::new(about, Files::new(files, hider.clone()), pace.clone())));
    if !trees.is_empty() {
        let about = About::host("trees", [Kind::File], News::Polled);
        let limits = Limits { time: TREES, ..Limits::default() };
        let about = About { ids: Ids::With(PREFIX), limits, ..about };
        let trees = Trees { patterns: trees, lists: folder.to_owned() };
        all.push(Arc::new(Blocking::new(about, trees, pace.clone())));
    }
    let patterns = settings.certificates.clone();
    let about = About::host("certificates", [Kind::Certificate], news(&patterns));
    let certificates = Certificates { patterns, stores: platform::trust_stores() };
    all.push(Arc::new(Blocking::new(about, certificates, pace.clone())));
    let files = platform::configs().iter().map(|(path, technology, format)| ConfigFile {
        pattern: path.parse().expect("a pattern of ours is one"),
        technology,
        format: *format,
    });
    let files: Vec<_> = files.collect();
    let patterns: Vec<_> = files.iter().map(|file| file.pattern.clone()).collect();
    let about = About::host("configs", [Kind::Config], news(&patterns));
    all.push(Arc::new(Blocking::new(about, Configs { files, hider: hider.clone() }, pace.clone())));
    for provider in registry.iter() {
        all.push(Arc::new(Scanned::new(provider.clone(), hider.clone())));
    }
    all
}

/// A pattern with several `*` may find something where nothing is watched yet.
fn news(patterns: &[Pattern]) -> News {
    if patterns.iter().any(Pattern::is_deep) { News::Polled } else { News::Events }
}
