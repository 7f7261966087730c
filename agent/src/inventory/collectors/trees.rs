//! Whole folders that the configuration names with `/**`: one resource each, with a digest of
//! everything below it and of each part of it.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use tamer_drift::{Kind, Value};

use super::tree::{Walked, walk};
use crate::inventory::{Cover, Found, Look, Pattern, Stop, Worker, host};

/// What the ids of these resources begin with: other files have paths.
pub const PREFIX: &str = "tree ";
/// The most parts of a folder that are told one by one.
const MOST_PARTS: usize = 512;

/// Looks at whole folders.
pub struct Trees {
    /// Each with `/**` at its end.
    pub patterns: Vec<Pattern>,
    /// Where the lists of the last walks are.
    pub lists: PathBuf,
}

impl Look for Trees {
    fn look(&self, found: &mut Found, worker: &mut Worker) -> Result<(), Stop> {
        for pattern in &self.patterns {
            let folder = pattern.base();
            let id = format!("{PREFIX}{}", folder.display());
            let list = blake3::hash(folder.as_os_str().as_encoded_bytes()).to_hex();
            let list = self.lists.join(format!("tree.{}", &list[..16]));
            let key = host(Kind::File, &id).done().key;
            match walk(folder, &list, worker) {
                Ok(walked) if walked.unseen.1 > 0 => {
                    let (texts, count) = &walked.unseen;
                    let why = format!("{count} below {}: {}", folder.display(), texts.join("; "));
                    found.miss(Cover::Key(key), why);
                }
                Ok(walked) => found.put(resource(&id, &walked))?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => found.miss(Cover::Key(key), format!("{}: {error}", folder.display())),
            }
        }
        Ok(())
    }
}

fn resource(id: &str, walked: &Walked) -> tamer_drift::Resource {
    let part = |(name, digest): &(String, [u8; 32])| {
        (name.clone(), Value::Text(blake3::Hash::from(*digest).to_hex()[..32].to_owned()))
    };
    let few = walked.parts.len() <= MOST_PARTS;
    let parts: BTreeMap<_, _> =
        if few { walked.parts.iter().map(part).collect() } else { BTreeMap::new() };
    host(Kind::File, id)
        .text("type", "tree")
        .int("files", walked.files)
        .int("folders", walked.folders)
        .int("size_bytes", walked.bytes)
        .text("digest", blake3::Hash::from(walked.digest).to_hex())
        .put("parts", Value::Map(parts))
        .done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Pace;

    #[test]
    fn a_tree_is_one_resource_that_says_where_it_changed() {
        let (temp, lists) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("two"));
        let at = |path: &str| temp.path().join(path);
        std::fs::create_dir_all(at("a/b")).expect("made");
        std::fs::write(at("a/b/c"), "1").expect("written");
        std::fs::write(at("d"), "1").expect("written");
        let pattern = at("**").display().to_string().parse().expect("a pattern");
        let trees = Trees { patterns: vec![pattern], lists: lists.path().to_owned() };
        let look = || {
            let mut found = Found::within(Default::default());
            trees.look(&mut found, &mut Pace::free().worker()).expect("looked");
            assert!(found.is_complete(), "{:?}", found.problem());
            found.resources().next().cloned().expect("one")
        };
        let first = look();
        assert_eq!(first.properties["files"], Value::Int(2));
        std::fs::write(at("a/b/c"), "2").expect("written");
        let second = look();
        let parts = |resource: &tamer_drift::Resource| match &resource.properties["parts"] {
            Value::Map(parts) => parts.clone(),
            other => panic!("{other}"),
        };
        let (before, after) = (parts(&first), parts(&second));
        assert_ne!(before["a"], after["a"]);
        assert_eq!(before["d"], after["d"]);
    }
}
