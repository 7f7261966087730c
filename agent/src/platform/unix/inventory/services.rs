//! Units of systemd: what is there, what starts by itself, what runs. Two questions to systemctl.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tamer_drift::{Kind, Resource};

use super::program::output;
use crate::inventory::{About, Collector, Fault, Found, host, set};

/// The most bytes of each answer: some 20,000 units.
const MOST: u64 = 8 << 20;
const PROGRAM: &str = "systemctl";
/// Kinds of units that are told. Timers are jobs, mounts are mounts, and devices, scopes and slices
/// come and go by themselves.
const TYPES: &str = "service,socket,path,automount,swap";
/// What is asked of those that are loaded.
const ASKED: &str = "Id,LoadState,ActiveState,Type,FragmentPath,DropInPaths,User,TriggeredBy";
/// Where systemd says that it runs the machine (sd_booted(3)).
const BOOTED: &str = "/run/systemd/system";

/// Asks systemd.
pub struct Services {
    about: About,
}

impl Services {
    /// Where systemd runs the machine.
    pub fn here(about: About) -> Option<Self> {
        Path::new(BOOTED).is_dir().then_some(Self { about })
    }
}

#[async_trait::async_trait]
impl Collector for Services {
    fn about(&self) -> &About {
        &self.about
    }

    fn marks(&self) -> Vec<PathBuf> {
        let folders = [
            "/etc/systemd/system",
            "/etc/systemd/system/multi-user.target.wants",
            // A group of processes comes and goes with each service that starts and stops.
            "/sys/fs/cgroup/system.slice",
        ];
        folders.map(PathBuf::from).into()
    }

    async fn collect(&self) -> Result<Found, Fault> {
        let types = format!("--type={TYPES}");
        let asked = format!("--property={ASKED}");
        let list = ["list-unit-files", &types, "--no-legend", "--no-pager", "--full"];
        let show = ["show", "*", &types, "--all", &asked, "--no-pager"];
        let (files, shown) =
            tokio::try_join!(output(PROGRAM, &list, MOST), output(PROGRAM, &show, MOST))?;
        let (files, shown) = (String::from_utf8_lossy(&files), String::from_utf8_lossy(&shown));
        let mut found = Found::within(self.about.limits);
        for unit in units(&files, &shown) {
            if found.put(unit).is_err() {
                break;
            }
        }
        Ok(found)
    }
}

/// The units of both answers.
fn units(files: &str, shown: &str) -> Vec<Resource> {
    let mut states: BTreeMap<&str, &str> = BTreeMap::new();
    for line in files.lines() {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(state)) = (words.next(), words.next()) {
            states.insert(name, state);
        }
    }
    let mut units: BTreeMap<String, Resource> = BTreeMap::new();
    for block in shown.split("\n\n") {
        let fields: BTreeMap<_, _> =
            block.lines().filter_map(|line| line.split_once('=')).collect();
        let Some(name) = fields.get("Id").filter(|name| is_unit(name)) else { continue };
        if fields.get("LoadState") == Some(&"not-found") {
            continue;
        }
        units.insert((*name).to_owned(), loaded(name, &fields, state_of(&states, name)));
    }
    for (name, state) in states.iter().filter(|(name, _)| is_unit(name)) {
        units.entry((*name).to_owned()).or_insert_with(|| {
            host(Kind::Service, name).text("enabled", *state).text("load", "no").done()
        });
    }
    units.into_values().collect()
}

/// Of an instance of a template the template's.
fn state_of<'a>(states: &BTreeMap<&str, &'a str>, name: &str) -> &'a str {
    let template = || {
        let (before, after) = name.split_once('@')?;
        let (_, end) = after.rsplit_once('.')?;
        states.get(format!("{before}@.{end}").as_str()).copied()
    };
    states.get(name).copied().or_else(template).unwrap_or_default()
}

fn loaded(name: &str, fields: &BTreeMap<&str, &str>, enabled: &str) -> Resource {
    let field = |name: &str| fields.get(name).copied().unwrap_or_default();
    // What runs once and ends, or is started by something else, is not drift while it runs.
    let passing = field("Type") == "oneshot" || !field("TriggeredBy").is_empty();
    let active = match field("ActiveState") {
        // On its way: where to, the next look tells.
        "activating" | "reloading" => "active",
        "deactivating" => "inactive",
        state => state,
    };
    let load = field("LoadState");
    host(Kind::Service, name)
        .text("enabled", enabled)
        .text("load", if load == "loaded" { "" } else { load })
        .text("active", if passing && active != "failed" { "" } else { active })
        .text("type", field("Type"))
        .text("file", field("FragmentPath"))
        .put("more_files", set(field("DropInPaths").split_whitespace()))
        .text("user", field("User"))
        .done()
}

fn is_unit(name: &str) -> bool {
    name.contains('.') && name.len() <= 255 && !name.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use tamer_drift::Value;

    use super::*;

    const FILES: &str = "ssh.service enabled enabled\ngetty@.service enabled enabled\nold.service disabled enabled\n\ngarbage\n";
    const SHOWN: &str = "Type=notify\nId=ssh.service\nLoadState=loaded\nActiveState=active\nFragmentPath=/lib/systemd/system/ssh.service\nDropInPaths=/etc/systemd/system/ssh.service.d/b.conf /a.conf\nUser=\nTriggeredBy=\n\
        \nType=oneshot\nId=fsck.service\nLoadState=loaded\nActiveState=activating\n\
        \nType=simple\nId=getty@tty1.service\nLoadState=loaded\nActiveState=reloading\n\
        \nId=gone.service\nLoadState=not-found\nActiveState=inactive\n\nId=no unit\n\n=\n";

    #[test]
    fn units_are_read_and_what_passes_is_left_out() {
        let read: BTreeMap<_, _> =
            units(FILES, SHOWN).into_iter().map(|one| (one.key.id().to_owned(), one)).collect();
        let names: Vec<_> = read.keys().map(String::as_str).collect();
        let expected =
            ["fsck.service", "getty@.service", "getty@tty1.service", "old.service", "ssh.service"];
        assert_eq!(names, expected);
        let ssh = &read["ssh.service"];
        assert_eq!(ssh.properties["active"], Value::from("active"));
        assert_eq!(ssh.properties["enabled"], Value::from("enabled"));
        assert_eq!(
            ssh.properties["more_files"],
            set(["/a.conf", "/etc/systemd/system/ssh.service.d/b.conf"])
        );
        assert!(!read["fsck.service"].properties.contains_key("active"));
        assert_eq!(read["getty@tty1.service"].properties["enabled"], Value::from("enabled"));
        assert_eq!(read["getty@tty1.service"].properties["active"], Value::from("active"));
        assert_eq!(read["old.service"].properties["load"], Value::from("no"));
    }

    #[test]
    fn answers_of_garbage_are_no_units() {
        assert_eq!(units("", ""), []);
        assert_eq!(units("\u{0}\n=\n", "\n\n\n=x\nId=\n"), []);
    }
}
