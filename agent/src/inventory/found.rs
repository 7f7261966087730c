//! What one look found, and what it could not look at.

use std::collections::{BTreeMap, BTreeSet};

use tamer_drift::{Kind, Resource, ResourceKey, Value};

use super::collect::{About, Limits};

/// The most texts about what is missing that are kept of one look; the rest is counted.
const MOST_TEXTS: usize = 8;

/// What one look found.
#[derive(Debug)]
pub struct Found {
    limits: Limits,
    resources: BTreeMap<ResourceKey, Resource>,
    /// About how many bytes they are.
    bytes: usize,
    missing: Vec<Cover>,
    /// Why, the first few.
    texts: Vec<String>,
    /// And how many more.
    more: usize,
}

/// What was not looked at: nothing of it is gone, whatever was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cover {
    /// Everything of the source.
    All,
    /// All of one kind.
    Kind(Kind),
    /// Those of one kind whose ids begin so.
    Prefix(Kind, String),
    /// One.
    Key(ResourceKey),
}

/// There is no room for more. What was found counts, and the source is incomplete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no room for more")]
pub struct Full;

impl Cover {
    fn holds(&self, key: &ResourceKey) -> bool {
        match self {
            Self::All => true,
            Self::Kind(kind) => key.kind() == *kind,
            Self::Prefix(kind, prefix) => key.kind() == *kind && key.id().starts_with(prefix),
            Self::Key(one) => one == key,
        }
    }
}

impl Found {
    /// Nothing yet.
    pub fn within(limits: Limits) -> Self {
        Self {
            limits,
            resources: BTreeMap::new(),
            bytes: 0,
            missing: Vec::new(),
            texts: Vec::new(),
            more: 0,
        }
    }

    /// Adds a resource. One that is no good, or comes twice, is not believed: it is missing, by its
    /// name.
    pub fn put(&mut self, resource: Resource) -> Result<(), Full> {
        let bytes = weight(&resource);
        if self.resources.len() >= self.limits.resources || self.bytes + bytes > self.limits.bytes {
            let Limits { bytes, resources, .. } = self.limits;
            self.miss(
                Cover::All,
                format!("more than {resources} resources, or than {} KiB", bytes >> 10),
            );
            return Err(Full);
        }
        let key = resource.key.clone();
        if let Err(error) = resource.check() {
            self.miss(Cover::Key(key.clone()), format!("{key} is refused: {error}"));
        } else if self.is_refused(&key) || self.resources.contains_key(&key) {
            // Which of both is the true one nobody knows.
            self.resources.remove(&key);
            self.miss(Cover::Key(key.clone()), format!("{key} is there twice"));
        } else {
            self.bytes += bytes;
            self.resources.insert(key, resource);
        }
        Ok(())
    }

    /// Something was not looked at, and why.
    pub fn miss(&mut self, cover: Cover, why: impl Into<String>) {
        if !self.missing.contains(&cover) {
            // More of them than there is room for resources say the same as everything.
            if self.missing.len() >= 1000 {
                self.missing = vec![Cover::All];
            }
            self.missing.push(cover);
        }
        let why = why.into();
        match self.texts.len() {
            len if len < MOST_TEXTS => self.texts.push(why),
            _ => self.more += 1,
        }
    }

    /// What is there.
    pub fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.resources.values()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.resources.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }

    /// Whether everything was looked at.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// Whether what is not there of this is known to be gone.
    pub fn looked_at(&self, key: &ResourceKey) -> bool {
        !self.missing.iter().any(|cover| cover.holds(key))
    }

    /// What is missing, for people; none when nothing is.
    pub fn problem(&self) -> Option<String> {
        let first = (!self.texts.is_empty()).then(|| self.texts.join("; "))?;
        Some(if self.more == 0 { first } else { format!("{first}; and {} more", self.more) })
    }

    /// Holds it against what its collector promised: what is not its own is refused by name.
    pub fn checked(mut self, about: &About) -> Self {
        let foreign: BTreeSet<_> =
            self.resources.keys().filter(|key| !about.owns(key)).cloned().collect();
        for key in foreign {
            self.resources.remove(&key);
            self.miss(Cover::All, format!("{} found {key}, which is not its own", about.name));
        }
        if self.resources.len() > about.limits.resources || self.bytes > about.limits.bytes {
            self.resources.clear();
            self.miss(Cover::All, format!("{} found more than it may", about.name));
        }
        self
    }

    /// Whether this is known to be gone: it was looked at, and is not there.
    pub fn is_gone(&self, key: &ResourceKey) -> bool {
        !self.resources.contains_key(key) && self.looked_at(key)
    }

    /// The resources, for whoever takes them over.
    pub fn take_resources(&mut self) -> impl Iterator<Item = Resource> + use<> {
        std::mem::take(&mut self.resources).into_values()
    }

    /// One is not believed after all, and why.
    pub fn refuse(&mut self, key: ResourceKey, why: String) {
        self.resources.remove(&key);
        self.miss(Cover::Key(key), why);
    }

    /// Whether there is one of this key.
    pub fn has(&self, key: &ResourceKey) -> bool {
        self.resources.contains_key(key)
    }

    fn is_refused(&self, key: &ResourceKey) -> bool {
        self.missing.iter().any(|cover| matches!(cover, Cover::Key(one) if one == key))
    }
}

/// About how many bytes a resource takes.
pub(super) fn weight(resource: &Resource) -> usize {
    let texts = |map: &BTreeMap<String, String>| -> usize {
        map.iter().map(|(key, value)| key.len() + value.len() + 16).sum()
    };
    let properties: usize =
        resource.properties.iter().map(|(key, value)| key.len() + 16 + heavy(value)).sum();
    64 + resource.key.id().len() + resource.name.len() + texts(&resource.tags) + properties
}

/// Values are checked for how deep they are before they are weighed elsewhere; what is deeper than
/// anything that is taken weighs too much.
fn heavy(value: &Value) -> usize {
    fn inner(value: &Value, depth: usize) -> usize {
        if depth > 32 {
            return usize::MAX / 1024;
        }
        let sum = |sum: usize, value: &Value| sum.saturating_add(inner(value, depth + 1));
        match value {
            Value::Bool(_) | Value::Int(_) | Value::Hidden(_) => 16,
            Value::Text(text) => 16 + text.len(),
            Value::List(list) => list.iter().fold(16, sum),
            Value::Set(set) => set.iter().fold(16, sum),
            Value::Map(map) => {
                map.iter().fold(16, |all, (key, value)| sum(all.saturating_add(key.len()), value))
            }
        }
    }
    inner(value, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::collect::News;
    use crate::inventory::make::host;

    fn limits(resources: usize) -> Limits {
        Limits { resources, ..Limits::default() }
    }

    fn user(name: &str, uid: i64) -> Resource {
        host(Kind::User, name).int("uid", uid).done()
    }

    #[test]
    fn two_of_one_id_are_none() {
        let mut found = Found::within(limits(10));
        for (name, uid) in [("a", 1), ("b", 2), ("a", 3), ("a", 4)] {
            found.put(user(name, uid)).expect("room");
        }
        let names: Vec<_> = found.resources().map(|one| one.key.id()).collect();
        assert_eq!(names, ["b"]);
        assert!(!found.is_complete());
        assert!(!found.looked_at(&user("a", 1).key), "what it was stays");
        assert!(found.looked_at(&user("c", 1).key), "and others may go");
        let problem = found.problem().expect("told");
        assert!(problem.contains("twice") && problem.contains('a'), "{problem}");
    }

    #[test]
    fn what_is_too_much_leaves_a_part_and_takes_nothing_away() {
        let mut found = Found::within(limits(2));
        found.put(user("a", 1)).expect("room");
        found.put(user("b", 1)).expect("room");
        assert_eq!(found.put(user("c", 1)), Err(Full));
        assert_eq!(found.len(), 2);
        assert!(!found.looked_at(&user("z", 1).key));
        let mut found = Found::within(Limits { bytes: 1000, ..limits(10) });
        let long = host(Kind::User, "long").text("shell", "x".repeat(2000)).done();
        assert_eq!(found.put(long), Err(Full));
    }

    #[test]
    fn what_is_not_its_own_is_refused_by_name() {
        let about = About::host("users", [Kind::User], News::Events);
        let mut found = Found::within(limits(10));
        found.put(user("a", 1)).expect("room");
        found.put(host(Kind::Port, "tcp :22").done()).expect("room");
        let found = found.checked(&about);
        assert_eq!(found.len(), 1);
        let problem = found.problem().expect("told");
        assert!(problem.contains("tcp :22"), "{problem}");
    }

    #[test]
    fn many_that_are_missing_are_told_in_few_words() {
        let mut found = Found::within(limits(10));
        for number in 0..5000 {
            let cover = Cover::Prefix(Kind::File, format!("/{number}"));
            found.miss(cover, "x".repeat(50));
        }
        assert!(found.problem().expect("told").len() < 600);
        assert!(found.missing.len() <= 1001);
        assert!(!found.looked_at(&user("a", 1).key));
    }
}
