//! Finding the file of a program.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

/// The file that a bare name means, in the folders of `path`.
pub fn find(name: &str, path: &str) -> Option<PathBuf> {
    let runs = |file: &PathBuf| {
        fs::metadata(file).is_ok_and(|found| found.is_file() && found.mode() & 0o111 != 0)
    };
    std::env::split_paths(path).map(|folder| folder.join(name)).find(runs)
}

/// The file that a bare name means, when the kernel itself can run it. A command given by its file
/// is started without a copy of the agent's page tables, which a search in the child needs. What
/// the kernel cannot run is left to that search: it hands a text without a first line to the shell.
pub fn find_runnable(name: &str, path: &str) -> Option<PathBuf> {
    if name.is_empty() || name.contains('/') {
        return None;
    }
    let allowed = |file: &PathBuf| access(file, AccessFlags::X_OK).is_ok();
    find(name, path).filter(|file| file.is_absolute() && allowed(file) && kernel_runs(file))
}

/// Whether a file begins as the kernel wants it (execve(2)): an ELF program, or `#!`.
fn kernel_runs(file: &Path) -> bool {
    let mut head = [0; 4];
    let read = File::open(file).and_then(|mut file| file.read(&mut head)).unwrap_or_default();
    let head = &head[..read];
    head == b"\x7fELF" || head.starts_with(b"#!")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_what_the_kernel_runs_is_started_by_its_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let make = |name: &str, text: &[u8], mode: u32| {
            let file = folder.path().join(name);
            fs::write(&file, text).expect("a file");
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("its mode");
            file
        };
        let script = make("script", b"#!/bin/sh\n", 0o755);
        make("text", b"echo hello\n", 0o755);
        make("data", b"#!/bin/sh\n", 0o644);
        let path = format!("/nowhere:{}", folder.path().display());
        assert_eq!(find_runnable("script", &path), Some(script));
        assert!(find_runnable("sh", "/usr/bin:/bin").is_some());
        for name in ["text", "data", "absent", "", "./script"] {
            assert_eq!(find_runnable(name, &path), None, "{name}");
        }
        assert!(find("text", &path).is_some());
    }
}
