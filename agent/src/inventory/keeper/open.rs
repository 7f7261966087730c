//! How the inventory begins: with what an earlier life of the agent left.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use tamer_drift::canonical;
use tamer_model::{Code, Problem};
use tamer_provider::registry::Registry;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Inventory;
use super::publish::Publishing;
use crate::inventory::board::Board;
use crate::inventory::collect::Collector;
use crate::inventory::handle::{InventoryHandle, REQUESTS};
use crate::inventory::memory::Memory;
use crate::inventory::settings::Settings;
use crate::inventory::source::Source;
use crate::inventory::store::Store;
use crate::inventory::told::{MOST_SOURCES, SourceReport};
use crate::inventory::{Hider, Pace, collectors};
use crate::platform::{self, Watch};

/// The folder of the inventory in that of the agent.
const FOLDER: &str = "inventory";

impl Inventory {
    /// Reads what an earlier life of the agent kept in its folder `data`. Blocks. The second value
    /// is none where the configuration wants no inventory, and the first does nothing then.
    pub fn open(
        data: &Path,
        registry: &Registry,
        settings: &Settings,
    ) -> Result<Option<(Self, InventoryHandle)>, Problem> {
        if !settings.enabled {
            return Ok(None);
        }
        let folder = data.join(FOLDER);
        platform::create_private_folder(&folder).map_err(|error| {
            Problem::new(Code::DataFolder, format!("cannot create {}: {error}", folder.display()))
                .on("data")
                .remedy("make room, and give the agent the right to write there")
        })?;
        let (hider, _) = Hider::open(&folder)?;
        let looks = collectors::all(settings, &folder, registry, &hider, &Pace::half());
        let watch = Watch::new().inspect_err(|error| {
            tracing::warn!(%error, "files cannot be watched; they are looked at in intervals");
        });
        Self::with(Store::new(&folder), looks, registry, settings.clone(), watch.ok()).map(Some)
    }

    /// The same with these collectors and files.
    pub(in crate::inventory) fn with(
        store: Store,
        collectors: Vec<Arc<dyn Collector>>,
        registry: &Registry,
        settings: Settings,
        watch: Option<Watch>,
    ) -> Result<(Self, InventoryHandle), Problem> {
        let memory = Memory::resume(store.read(), store.read_observed(), fresh_epoch()?);
        let Memory { head, mut picture } = memory;
        let now = Instant::now();
        let earlier = |name: &str| head.sources.iter().find(|one| one.name == name);
        let mut sources: Vec<Source> = collectors
            .into_iter()
            .take(MOST_SOURCES - 1)
            .map(|one| {
                let earlier = earlier(&one.about().name).cloned();
                Source::new(one, earlier.as_ref(), now)
            })
            .collect();
        let mut orphans = (0, BTreeSet::new());
        for resource in picture.iter() {
            // The nodes were read and checked when they were taken in.
            let resource =
                resource.map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
            let mut owners = sources.iter_mut();
            match owners.find(|source| source.collector.about().owns(&resource.key)) {
                Some(owner) => {
                    let digest = canonical::digest(&resource);
                    owner.known.insert(resource.key, digest);
                    owner.report.resources += 1;
                }
                None => {
                    orphans.0 += 1;
                    orphans.1.insert(resource.key.kind());
                }
            }
        }
        // What a commit would tell is on the disk already.
        drop(picture.commit());
        let (sender, requests) = mpsc::channel(REQUESTS);
        let board = Board::new();
        let handle = InventoryHandle { board: board.clone(), requests: sender };
        let inventory = Self {
            settings,
            store,
            head,
            picture,
            sources,
            others: others(orphans),
            watch,
            providers: registry.watch(),
            board,
            requests,
            looks: JoinSet::new(),
            publishing: Publishing::beginning(now),
        };
        Ok((inventory, handle))
    }
}

/// What is told of resources that nobody looks at any more. They stay as they were: that they are
/// gone nobody knows.
fn others((count, kinds): (u64, BTreeSet<tamer_drift::Kind>)) -> Option<SourceReport> {
    (count > 0).then(|| SourceReport {
        name: "others".to_owned(),
        kinds,
        problem: Some("the configuration leaves out who looked at these".to_owned()),
        took_ms: 0,
        resources: count,
        at: None,
        still: None,
    })
}

fn fresh_epoch() -> Result<[u8; 16], Problem> {
    let mut epoch = [0; 16];
    getrandom::fill(&mut epoch)
        .map_err(|error| Problem::new(Code::Internal, format!("no randomness: {error}")))?;
    Ok(epoch)
}
