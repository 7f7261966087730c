//! File systems that are mounted, without those that the kernel or a container engine makes up.

use tamer_drift::{Kind, Resource};

use super::Place;
use crate::inventory::{Cover, Fault, Found, Look, Stop, Worker, host, read, set};

/// The most bytes of the kernel's list: some 100,000 mounts.
const MOST: usize = 16 << 20;
/// File systems that hold nothing of anybody's.
const PSEUDO: &[&str] = &[
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fuse.gvfsd-fuse",
    "fuse.lxcfs",
    "fuse.portal",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "ramfs",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "squashfs",
    "sysfs",
    "tracefs",
];
/// What lies below these is mounted and unmounted as containers, sessions and services come and go.
const PASSING: &[&str] = &[
    "/run/containerd/",
    "/run/credentials/",
    "/run/docker/",
    "/run/netns/",
    "/run/user/",
    "/var/lib/containerd/",
    "/var/lib/containers/",
    "/var/lib/docker/",
    "/var/lib/kubelet/",
];
/// Options that name a moment and not a wish.
const MOVING: &[&str] = &["inode64", "inode32", "relatime", "seclabel"];

/// Looks at mounts.
pub struct Mounts {
    /// Where it looks.
    pub place: Place,
}

impl Look for Mounts {
    fn look(&self, found: &mut Found, worker: &mut Worker) -> Result<(), Stop> {
        let text = read::text(&self.place.at("proc/self/mountinfo"), MOST)
            .map_err(|error| Fault::new(format!("proc/self/mountinfo: {error}")))?;
        let mut mounts = std::collections::BTreeMap::new();
        for line in text.lines() {
            worker.breathe();
            match mount(line) {
                // What is mounted later hides what is below it.
                Ok(Some(mount)) => drop(mounts.insert(mount.key.clone(), mount)),
                Ok(None) => {}
                Err(()) => {
                    let why = "a line of proc/self/mountinfo is not understood";
                    found.miss(Cover::Kind(Kind::Mount), why);
                }
            }
        }
        for mount in mounts.into_values() {
            found.put(mount)?;
        }
        Ok(())
    }
}

/// A line of proc_pid_mountinfo(5):
/// `36 35 98:0 /root /point rw,noatime master:1 - ext4 /dev/root rw,errors=continue`.
fn mount(line: &str) -> Result<Option<Resource>, ()> {
    let (before, after) = line.split_once(" - ").ok_or(())?;
    let mut before = before.split(' ').skip(3);
    let (root, point, options) =
        (before.next().ok_or(())?, before.next().ok_or(())?, before.next().ok_or(())?);
    let mut after = after.split(' ');
    let (filesystem, device) = (after.next().ok_or(())?, after.next().ok_or(())?);
    let of_all = after.next().unwrap_or_default();
    let point = unescaped(point);
    if point.is_empty() || filesystem.is_empty() {
        return Err(());
    }
    let passing = PASSING.iter().any(|folder| point.starts_with(folder));
    if PSEUDO.contains(&filesystem) || passing {
        return Ok(None);
    }
    // The layers of an overlay are long lists of folders, and say nothing to people.
    let of_all = if filesystem == "overlay" { "" } else { of_all };
    let options = options.split(',').chain(of_all.split(','));
    let options = options.filter(|option| !option.is_empty() && !MOVING.contains(option));
    let options = options.filter(|option| !is_secret(option) && !option.starts_with("size="));
    let root = unescaped(root);
    let made = host(Kind::Mount, &point)
        .text("filesystem", filesystem)
        .text("device", unescaped(device))
        .text("folder", if root == "/" { "" } else { &root })
        .put("options", set(options));
    Ok(Some(made.done()))
}

/// Mount options may hold a password (mount.cifs(8)).
fn is_secret(option: &str) -> bool {
    option.split_once('=').is_some_and(|(name, _)| crate::inventory::is_secret(name))
}

/// The kernel writes a blank as `\040`.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..3).and_then(|code| u8::from_str_radix(code, 8).ok());
        match code {
            Some(code) => {
                out.push(char::from(code));
                out.push_str(&part[3..]);
            }
            None => {
                out.push('\\');
                out.push_str(part);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use tamer_drift::Value;

    use super::*;

    #[test]
    fn mounts_are_read_and_what_is_made_up_is_not() {
        let line = r"36 35 98:0 /sub /mnt\040two rw,noatime master:1 - ext4 /dev/vda1 rw,errors=continue,password=x";
        let read = mount(line).expect("good").expect("a mount");
        assert_eq!(read.key.id(), "/mnt two");
        assert_eq!(read.properties["folder"], Value::from("/sub"));
        assert_eq!(read.properties["device"], Value::from("/dev/vda1"));
        assert_eq!(read.properties["options"], set(["rw", "noatime", "errors=continue"]));
        for line in [
            "22 1 0:21 / /proc rw - proc proc rw",
            "99 1 0:50 / /var/lib/docker/overlay2/abc/merged rw - overlay overlay rw,lowerdir=x",
        ] {
            assert_eq!(mount(line), Ok(None), "{line}");
        }
    }

    #[test]
    fn what_is_no_mount_is_told() {
        for line in
            ["", " - ", "a b c d e f", "36 35 98:0 / /mnt rw - ", "36 35 98:0 /  rw - ext4 x"]
        {
            assert_eq!(mount(line), Err(()), "{line}");
        }
        assert_eq!(unescaped(r"a\134b\9\0ä"), r"a\b\9\0ä");
    }
}
