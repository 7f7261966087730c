//! Outside programs. A missing one fails the test that needs it: a test that is skipped in silence
//! is a promise that nobody keeps.

use std::path::PathBuf;

/// The folder of the things that `cargo xtask peers` makes.
///
/// # Panics
/// When `content` is not in it.
#[track_caller]
pub fn peers_folder(content: &str) -> PathBuf {
    let folder = match (std::env::var_os("TAMER_PEERS"), std::env::var_os("XDG_CACHE_HOME")) {
        (Some(folder), _) => folder.into(),
        (None, Some(cache)) => PathBuf::from(cache).join("tamer/peers"),
        (None, None) => std::env::home_dir().expect("a home folder").join(".cache/tamer/peers"),
    };
    let wanted = folder.join(content);
    assert!(wanted.exists(), "{} is missing: run `cargo xtask peers`", wanted.display());
    wanted
}

/// The path of an outside program.
///
/// # Panics
/// When it is not installed.
#[track_caller]
pub fn peer(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("`{name}` is not installed: run `cargo xtask peers`"))
}
