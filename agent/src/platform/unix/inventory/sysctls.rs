//! Settings of the kernel: a list of those that people set, and those that the configuration names.
//! What counts, what is drawn by chance and what moves by itself is never looked at.

use std::fs;
use std::io;
use std::path::Path;

use tamer_drift::{Kind, Resource};

use super::Place;
use crate::inventory::{self, Cover, Found, Look, Stop, Worker, host, read};

/// Those that are compared unless the configuration says otherwise; a `*` stands for any one part.
/// They are what the hardening guides and the manuals of databases, routers and container engines
/// ask people to set.
const LISTED: &[&str] = &[
    "fs.aio-max-nr",
    "fs.file-max",
    "fs.inotify.*",
    "fs.nr_open",
    "fs.pipe-max-size",
    "fs.protected_*",
    "fs.suid_dumpable",
    "kernel.core_pattern",
    "kernel.core_uses_pid",
    "kernel.ctrl-alt-del",
    "kernel.dmesg_restrict",
    "kernel.domainname",
    "kernel.kexec_load_disabled",
    "kernel.keys.*",
    "kernel.kptr_restrict",
    "kernel.modules_disabled",
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.numa_balancing",
    "kernel.panic",
    "kernel.panic_on_oops",
    "kernel.perf_event_paranoid",
    "kernel.pid_max",
    "kernel.printk",
    "kernel.randomize_va_space",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.sysrq",
    "kernel.threads-max",
    "kernel.unprivileged_bpf_disabled",
    "kernel.unprivileged_userns_clone",
    "kernel.yama.ptrace_scope",
    "net.bridge.*",
    "net.core.bpf_jit_enable",
    "net.core.bpf_jit_harden",
    "net.core.default_qdisc",
    "net.core.netdev_max_backlog",
    "net.core.optmem_max",
    "net.core.rmem_*",
    "net.core.somaxconn",
    "net.core.wmem_*",
    "net.ipv4.conf.all.*",
    "net.ipv4.conf.default.*",
    "net.ipv4.icmp_echo_ignore_*",
    "net.ipv4.icmp_ignore_bogus_error_responses",
    "net.ipv4.ip_default_ttl",
    "net.ipv4.ip_forward",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_nonlocal_bind",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.neigh.default.gc_thresh*",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_congestion_control",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_*",
    "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.tcp_max_tw_buckets",
    "net.ipv4.tcp_mem",
    "net.ipv4.tcp_rfc1337",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_sack",
    "net.ipv4.tcp_slow_start_after_idle",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_timestamps",
    "net.ipv4.tcp_tw_reuse",
    "net.ipv4.tcp_window_scaling",
    "net.ipv4.tcp_wmem",
    "net.ipv6.conf.all.*",
    "net.ipv6.conf.default.*",
    "net.ipv6.ip_nonlocal_bind",
    "net.ipv6.neigh.default.gc_thresh*",
    "net.netfilter.nf_conntrack_max",
    "net.netfilter.nf_conntrack_tcp_timeout_*",
    "user.max_*",
    "vm.compaction_proactiveness",
    "vm.dirty_background_bytes",
    "vm.dirty_background_ratio",
    "vm.dirty_bytes",
    "vm.dirty_expire_centisecs",
    "vm.dirty_ratio",
    "vm.dirty_writeback_centisecs",
    "vm.max_map_count",
    "vm.min_free_kbytes",
    "vm.mmap_min_addr",
    "vm.nr_hugepages",
    "vm.nr_overcommit_hugepages",
    "vm.overcommit_bytes",
    "vm.overcommit_memory",
    "vm.overcommit_ratio",
    "vm.panic_on_oom",
    "vm.swappiness",
    "vm.vfs_cache_pressure",
    "vm.zone_reclaim_mode",
];
/// Never looked at, whoever names them: secrets, drawn numbers, counters, and what answers only to
/// being written.
const NEVER: &[&str] = &[
    "*.*.*.stable_secret",
    "fs.*-nr",
    "fs.*-state",
    "fs.binfmt_misc.*",
    "fs.quota.*",
    "kernel.cad_pid",
    "kernel.ns_last_pid",
    "kernel.pty.nr",
    "kernel.random.*",
    "kernel.sched_domain.*",
    "kernel.tainted",
    "kernel.usermodehelper.*",
    "net.ipv4.route.flush",
    "net.ipv4.tcp_fastopen_key",
    "net.ipv6.conf.*.stable_secret",
    "net.ipv6.route.flush",
    "net.netfilter.nf_conntrack_count",
    "vm.compact_memory",
    "vm.drop_caches",
    "vm.stat_refresh",
];
/// The most bytes of one setting.
const MOST: usize = 64 << 10;

/// Looks at the kernel's settings.
pub struct Sysctls {
    /// Where it looks.
    pub place: Place,
    /// Patterns on top of the shipped ones.
    pub more: Vec<String>,
}

impl Look for Sysctls {
    fn look(&self, found: &mut Found, worker: &mut Worker) -> Result<(), Stop> {
        let root = self.place.at("proc/sys");
        let listed = LISTED.iter().copied().chain(self.more.iter().map(String::as_str));
        let patterns: Vec<Vec<&str>> = listed.map(|one| one.split('.').collect()).collect();
        for pattern in patterns {
            self.below(&root, "", &pattern, found, worker)?;
        }
        Ok(())
    }
}

impl Sysctls {
    /// Goes into the folders that a pattern names, part by part.
    fn below(
        &self,
        folder: &Path,
        above: &str,
        pattern: &[&str],
        found: &mut Found,
        worker: &mut Worker,
    ) -> Result<(), Stop> {
        let Some((part, rest)) = pattern.split_first() else { return Ok(()) };
        for name in names(folder, part) {
            worker.breathe();
            let dotted = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
            let path = folder.join(&name);
            if !rest.is_empty() {
                self.below(&path, &dotted, rest, found, worker)?;
                continue;
            }
            if NEVER.iter().any(|never| fits(never, &dotted)) {
                continue;
            }
            let setting = setting(&dotted, read::text(&path, MOST));
            match setting {
                // Two patterns may name one.
                Ok(Some(one)) if !found.has(&one.key) => {
                    found.put(one)?;
                }
                Ok(_) => {}
                Err(why) => {
                    let key = host(Kind::Sysctl, &dotted).done().key;
                    found.miss(Cover::Key(key), format!("{dotted}: {why}"));
                }
            }
        }
        Ok(())
    }
}

/// What of a folder fits one part of a pattern. A part that names one thing is not searched for.
fn names(folder: &Path, part: &str) -> Vec<String> {
    if !part.contains('*') {
        let good = !part.is_empty() && !part.contains('/') && part != "..";
        return if good && folder.join(part).exists() { vec![part.to_owned()] } else { Vec::new() };
    }
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(|name| inventory::fits(part, name)).collect();
    names.sort();
    names
}

fn setting(name: &str, value: io::Result<String>) -> Result<Option<Resource>, String> {
    match value {
        Ok(text) => {
            // The kernel divides numbers by tabs in one place and by blanks in another.
            let lines =
                text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
            let text = lines.collect::<Vec<_>>().join("\n");
            Ok(Some(host(Kind::Sysctl, name).text("value", text).done()))
        }
        // Those that are there to be written, those of another namespace, folders, and what is gone.
        Err(error) => match error.kind() {
            io::ErrorKind::PermissionDenied
            | io::ErrorKind::NotFound
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::InvalidInput => Ok(None),
            _ => Err(error.to_string()),
        },
    }
}

/// Whether a dotted name fits a pattern, part by part; the last `*` takes all parts that follow.
fn fits(pattern: &str, name: &str) -> bool {
    let (mut patterns, mut parts) = (pattern.split('.').peekable(), name.split('.'));
    while let Some(pattern) = patterns.next() {
        match parts.next() {
            None => return false,
            Some(_) if pattern == "*" && patterns.peek().is_none() => return true,
            Some(part) if inventory::fits(pattern, part) => {}
            Some(_) => return false,
        }
    }
    parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use tamer_drift::Value;

    use super::*;
    use crate::inventory::Pace;

    fn look(place: Place, more: &[&str]) -> Found {
        let mut found = Found::within(Default::default());
        let sysctls = Sysctls { place, more: more.iter().map(|one| (*one).to_owned()).collect() };
        sysctls.look(&mut found, &mut Pace::free().worker()).expect("looked");
        found
    }

    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Place) {
        let temp = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            let path = temp.path().join("proc/sys").join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        }
        let place = Place::below(temp.path());
        (temp, place)
    }

    #[test]
    fn what_is_listed_is_read_and_secrets_are_not() {
        let (_temp, place) = tree(&[
            ("net/ipv4/ip_forward", "1\n"),
            ("net/ipv4/tcp_rmem", "4096\t131072\t 6291456\n"),
            ("net/ipv4/tcp_fastopen_key", "secret\n"),
            ("net/ipv6/conf/all/stable_secret", "secret\n"),
            ("net/ipv6/conf/all/forwarding", "0\n"),
            ("kernel/random/boot_id", "x\n"),
            ("net/ipv4/conf/eth0/rp_filter", "1\n"),
            ("vm/own", "3"),
        ]);
        let more = [
            "vm.own",
            "kernel.random.*",
            "net.ipv4.tcp_fastopen_key",
            "net.ipv4.ip_forward",
            "../../etc",
            "..",
            "",
        ];
        let found = look(place, &more);
        assert!(found.is_complete(), "{:?}", found.problem());
        let ids: Vec<_> = found.resources().map(|one| one.key.id()).collect();
        let expected =
            ["net.ipv4.ip_forward", "net.ipv4.tcp_rmem", "net.ipv6.conf.all.forwarding", "vm.own"];
        assert_eq!(ids, expected);
        let rmem = found.resources().nth(1).expect("there");
        assert_eq!(rmem.properties["value"], Value::from("4096 131072 6291456"));
    }

    #[test]
    fn patterns_fit_by_parts() {
        for (pattern, name, expected) in [
            ("fs.*-nr", "fs.file-nr", true),
            ("fs.*-nr", "fs.nr", false),
            ("kernel.random.*", "kernel.random.uuid", true),
            ("kernel.random.*", "kernel.random", false),
            ("fs.quota.*", "fs.quota.a.b", true),
            ("vm.swappiness", "vm.swappiness.x", false),
            ("net.ipv6.conf.*.stable_secret", "net.ipv6.conf.eth0.stable_secret", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn this_machine_holds_still() {
        let ids = |found: &Found| -> Vec<Resource> { found.resources().cloned().collect() };
        let first = look(Place::root(), &[]);
        assert!(first.len() > 20, "{} settings", first.len());
        assert_eq!(ids(&first), ids(&look(Place::root(), &[])));
    }
}
