//! Paths with `*` in them, as the configuration names files.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

/// The most entries of one folder that are looked through for a pattern.
const MOST_ENTRIES: usize = 100_000;
/// What a tree's pattern ends with.
const TREE: &str = "**";

/// An absolute path in which each part may have one `*`, for any text within that part. One that
/// ends with `/**` means everything below a folder, as one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// The part before the first `*`: a folder, or the whole path.
    base: PathBuf,
    /// The parts from the first `*` on.
    parts: Vec<String>,
    tree: bool,
}

/// What a pattern found.
#[derive(Debug, Default)]
pub struct Matches {
    /// Paths, in order.
    pub paths: Vec<PathBuf>,
    /// Folders that could not be looked through, and why.
    pub unseen: Vec<(PathBuf, io::Error)>,
}

impl Pattern {
    /// The folder or file that it begins with.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// Whether it means everything below a folder.
    pub const fn is_tree(&self) -> bool {
        self.tree
    }

    /// Whether a new match may appear where no folder is watched yet.
    pub fn is_deep(&self) -> bool {
        self.parts.len() > 1
    }

    /// What there is of it. Blocks.
    pub fn find(&self) -> Matches {
        let mut matches = Matches::default();
        find(&self.base, &self.parts, &mut matches);
        matches.paths.sort();
        matches
    }
}

fn find(at: &Path, parts: &[String], matches: &mut Matches) {
    let Some((part, rest)) = parts.split_first() else {
        match at.symlink_metadata() {
            Ok(_) => matches.paths.push(at.to_owned()),
            Err(error) if is_nothing(&error) => {}
            Err(error) => matches.unseen.push((at.to_owned(), error)),
        }
        return;
    };
    if !part.contains('*') {
        return find(&at.join(part), rest, matches);
    }
    match names(at) {
        Ok(names) => {
            for name in names.iter().filter(|name| fits(part, name)) {
                find(&at.join(name), rest, matches);
            }
        }
        Err(error) if is_nothing(&error) => {}
        Err(error) => matches.unseen.push((at.to_owned(), error)),
    }
}

/// The names in a folder.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        if names.len() == MOST_ENTRIES {
            let why = format!("it has more than {MOST_ENTRIES} entries");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
        }
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}

fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Whether a text fits a pattern with at most one `*`.
pub fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => {
            text.len() >= before.len() + after.len()
                && text.starts_with(before)
                && text.ends_with(after)
        }
    }
}

impl FromStr for Pattern {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let path = Path::new(text);
        if !path.is_absolute() {
            return Err("it is no absolute path");
        }
        let mut base = PathBuf::new();
        let mut parts: Vec<String> = Vec::new();
        let mut tree = false;
        for component in path.components() {
            let part = component.as_os_str().to_str().ok_or("it is no text")?;
            match component {
                Component::ParentDir => return Err("it has a part .."),
                _ if tree => return Err("** is its last part, or none"),
                Component::Normal(_) if part == TREE => tree = true,
                Component::Normal(_) if part.matches('*').count() > 1 => {
                    return Err("a part of it has more than one *");
                }
                Component::Normal(_) if part.contains('*') || !parts.is_empty() => {
                    parts.push(part.to_owned());
                }
                Component::Normal(_)
                | Component::CurDir
                | Component::Prefix(_)
                | Component::RootDir => base.push(component),
            }
        }
        if tree && !parts.is_empty() {
            return Err("it has a * before **");
        }
        if tree && base.parent().is_none() {
            return Err("it means everything");
        }
        Ok(Self { base, parts, tree })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_find_what_is_there() {
        let temp = tempfile::tempdir().expect("a folder");
        for path in ["a/x.conf", "a/y.conf", "a/z.txt", "b/x.conf", "c"] {
            let path = temp.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, "").expect("written");
        }
        let find = |pattern: &str| {
            let pattern: Pattern =
                temp.path().join(pattern).display().to_string().parse().expect("a pattern");
            let matches = pattern.find();
            assert!(matches.unseen.is_empty());
            let below = |path: &PathBuf| {
                let path = path.strip_prefix(temp.path()).expect("below");
                path.display().to_string().replace('\\', "/")
            };
            matches.paths.iter().map(below).collect::<Vec<_>>()
        };
        assert_eq!(find("a/*.conf"), ["a/x.conf", "a/y.conf"]);
        assert_eq!(find("*/x.conf"), ["a/x.conf", "b/x.conf"]);
        assert_eq!(find("c"), ["c"]);
        assert_eq!(find("c/d"), Vec::<String>::new());
        assert_eq!(find("no/*"), Vec::<String>::new());
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        let root = if cfg!(windows) { "C:\\" } else { "/" };
        for text in [
            "",
            "a/b",
            "**",
            &format!("{root}a/../b"),
            &format!("{root}**"),
            &format!("{root}a/**/b"),
            &format!("{root}*/**"),
            &format!("{root}a*b*"),
        ] {
            assert!(text.parse::<Pattern>().is_err(), "{text}");
        }
        let tree: Pattern = format!("{root}srv/**").parse().expect("a tree");
        assert!(tree.is_tree() && tree.base() == Path::new(&format!("{root}srv")));
    }
}
