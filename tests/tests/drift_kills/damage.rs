//! Harm to the nodes of a coordinator that is dead.

use std::fs;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use tamer_drift::Digest;

use super::memory::Memory;

/// What is done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    Cut,
    Tamper,
    Delete,
}

/// Harms a node of what an agent keeps: one that is about the files below `root`, so that it is part
/// of the picture as long as they are what they are. Says which.
pub fn harm(coordinator: &Path, agent: &Path, root: &Path, how: Harm, draws: &mut Rng) -> Digest {
    let memory = Memory::read(agent).expect("a picture");
    let text = root.as_os_str().as_encoded_bytes();
    let about = |node: &[u8]| node.windows(text.len()).filter(|part| *part == text).count() > 1;
    let nodes = memory.nodes.iter().filter(|(_, node)| about(node));
    let here = nodes.map(|(digest, _)| *digest).filter(|one| path(coordinator, one).exists());
    let node = draws.choice(here.collect::<Vec<_>>()).expect("nodes about files");
    let file = path(coordinator, &node);
    let mut bytes = fs::read(&file).expect("a node");
    match how {
        Harm::Cut => bytes.truncate(draws.usize(..bytes.len())),
        Harm::Tamper => {
            let at = draws.usize(..bytes.len());
            bytes[at] ^= 1 << draws.u8(..8);
        }
        Harm::Delete => {}
    }
    match how {
        Harm::Cut | Harm::Tamper => fs::write(&file, bytes).expect("written over"),
        Harm::Delete => fs::remove_file(&file).expect("removed"),
    }
    node
}

fn path(coordinator: &Path, digest: &Digest) -> PathBuf {
    let name = digest.to_string();
    coordinator.join("inventory").join(&name[..2]).join(&name[2..])
}
