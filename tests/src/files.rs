//! Files of a host's own: its settings, its accounts, its packages. They lie in a folder of the test
//! and are mounted over those of the machine, where only the programs of that host see them; so
//! `dpkg` and `useradd` do there what they do everywhere.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a host has of its own.
const OWN: [&str; 3] = ["etc", "var/lib/dpkg", "var/log"];
/// Mounts it, and then is the program. Only in a mount namespace of its own, which `ip netns exec`
/// makes: otherwise it would be the machine that gets other files.
const ENTER: &str = "\
    test \"$(readlink /proc/self/ns/mnt)\" != \"$1\"\n\
    for own in etc var/lib/dpkg var/log; do mount --bind \"$2/$own\" \"/$own\"; done\n\
    shift 2\n\
    exec \"$@\"";
/// A list of packages to begin with: dpkg's own file may be long, and says nothing of this host.
const STATUS: &str = "Package: tamer-tests-base\nStatus: install ok installed\nMaintainer: tests\n\
    Architecture: all\nVersion: 1\nDescription: what every host has\n\n";

/// The files of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files(PathBuf);

impl Files {
    /// Makes them in this folder: settings and accounts as this machine has them, one package, an
    /// empty log.
    ///
    /// # Panics
    /// When they cannot be made.
    #[track_caller]
    pub fn make(folder: &Path) -> Self {
        for own in OWN {
            let parent = Path::new(own).parent().expect("a path without a beginning");
            fs::create_dir_all(folder.join(parent)).expect("a folder");
        }
        let copied = Command::new("cp").args(["--archive", "/etc"]).arg(folder).status();
        assert!(copied.expect("`cp` runs").success(), "/etc is copied");
        for made in
            ["var/log", "var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers"]
        {
            fs::create_dir_all(folder.join(made)).expect("a folder");
        }
        fs::write(folder.join("var/lib/dpkg/info/format"), "1\n").expect("a file");
        fs::write(folder.join("var/lib/dpkg/status"), STATUS).expect("a file");
        Self(folder.to_owned())
    }

    /// Where a file of the host lies, written without a slash at its beginning.
    pub fn at(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    /// What stands before a program and its arguments to run it with these files.
    pub(crate) fn entrance(&self) -> Vec<OsString> {
        let ours = fs::read_link("/proc/self/ns/mnt").expect("this process has a namespace");
        let words = ["sh", "-ec", ENTER, "sh"].map(OsString::from);
        words.into_iter().chain([ours.into(), self.0.clone().into()]).collect()
    }
}
