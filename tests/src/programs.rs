//! Where the programs are.

use std::path::{Path, PathBuf};

/// A program of the project.
///
/// # Panics
/// When it was not built.
#[track_caller]
pub fn program(name: &str) -> PathBuf {
    found(folder().join(name))
}

/// A Windows program of the project.
///
/// # Panics
/// When it was not built.
#[track_caller]
pub fn windows_program(name: &str) -> PathBuf {
    let target = folder().join("../x86_64-pc-windows-gnu/debug");
    found(target.join(name).with_extension("exe"))
}

#[track_caller]
fn found(path: PathBuf) -> PathBuf {
    assert!(
        path.exists(),
        "{} was not built: run the tests with `cargo xtask test`",
        path.display()
    );
    path
}

fn folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("TAMER_BIN") {
        return folder.into();
    }
    // target/debug/deps/this-test
    let test = std::env::current_exe().expect("a test knows its own path");
    test.parent().and_then(Path::parent).expect("cargo's folders").to_owned()
}
