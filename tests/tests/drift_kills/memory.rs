//! What an agent keeps of its picture, as its file says: read by a test that knows the form.

use std::fs;
use std::path::{Path, PathBuf};

use tamer_drift::{Digest, Domain};

/// The file of a picture: a line, a head in JSON of the length that the line says, and nodes.
pub struct Memory {
    /// The digest of the picture.
    pub root: String,
    /// Its nodes.
    pub nodes: Vec<(Digest, Vec<u8>)>,
}

impl Memory {
    /// What the agent with this folder keeps; none before its first picture.
    pub fn read(data: &Path) -> Option<Self> {
        let bytes = fs::read(folder(data).join("state")).ok()?;
        let line = bytes.iter().position(|byte| *byte == b'\n')?;
        let words = String::from_utf8_lossy(&bytes[..line]).into_owned();
        let long: usize = words.rsplit(' ').next()?.parse().ok()?;
        let (head, mut body) = bytes[line + 1..].split_at(long);
        let head: serde_json::Value = serde_json::from_slice(head).expect("a head");
        let mut nodes = Vec::new();
        while let Some((long, rest)) = body.split_first_chunk::<4>() {
            let (node, rest) = rest.split_at(u32::from_le_bytes(*long) as usize);
            nodes.push((Digest::of(Domain::HOST, node), node.to_vec()));
            body = rest;
        }
        let root = head["root"].as_str().expect("a root").to_owned();
        Some(Self { root, nodes })
    }

    /// Forgets everything, its keys too.
    pub fn forget(data: &Path) {
        fs::remove_dir_all(folder(data)).expect("a folder");
    }
}

fn folder(data: &Path) -> PathBuf {
    data.join("inventory")
}
