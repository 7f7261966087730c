//! Jobs that run at times: of cron, and the timers of systemd, as their files say.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use tamer_drift::{Kind, Resource, Value};

use super::Place;
use crate::inventory::{Cover, Found, Hider, Look, Stop, Worker, host, list, read, short};

/// The most bytes of one file.
const MOST: usize = 1 << 20;
/// The most files of one folder.
const MOST_FILES: usize = 5000;
/// Tables that name the user of each job.
const SYSTEM: &[&str] = &["etc/crontab", "etc/cron.d"];
/// Tables of users, named after them.
const OF_USERS: &[&str] = &["var/spool/cron/crontabs", "var/spool/cron"];
/// Folders of programs that run so often.
const OFTEN: &[(&str, &str)] = &[
    ("etc/cron.hourly", "@hourly"),
    ("etc/cron.daily", "@daily"),
    ("etc/cron.weekly", "@weekly"),
    ("etc/cron.monthly", "@monthly"),
];
/// Folders of units, those that win first (systemd.unit(5)).
const UNITS: &[&str] =
    &["etc/systemd/system", "run/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"];
/// What says when a timer is due (systemd.timer(5)).
const WHEN: &[&str] = &[
    "OnActiveSec",
    "OnBootSec",
    "OnStartupSec",
    "OnUnitActiveSec",
    "OnUnitInactiveSec",
    "OnCalendar",
    "OnClockChange",
    "OnTimezoneChange",
    "RandomizedDelaySec",
    "Persistent",
    "Unit",
];

/// Looks at jobs.
pub struct Jobs {
    /// Where it looks.
    pub place: Place,
    /// For what commands and variables hold.
    pub hider: Hider,
}

/// A table of cron, and what its lines say.
struct Table<'a> {
    path: &'a str,
    /// Whose it is; none where each line says so.
    user: Option<&'a str>,
}

impl Look for Jobs {
    fn marks(&self) -> Vec<PathBuf> {
        let often = OFTEN.iter().map(|(folder, _)| *folder);
        let all = SYSTEM.iter().chain(OF_USERS).copied().chain(often);
        let all = all.chain(["etc/systemd/system", "etc/systemd/system/timers.target.wants"]);
        all.map(|path| self.place.at(path)).collect()
    }

    fn look(&self, found: &mut Found, worker: &mut Worker) -> Result<(), Stop> {
        for path in SYSTEM {
            for path in self.files(path, found) {
                worker.breathe();
                self.table(&Table { path: &path, user: None }, found)?;
            }
        }
        for folder in OF_USERS {
            for path in self.files(folder, found) {
                worker.breathe();
                let user = path.rsplit('/').next().unwrap_or_default().to_owned();
                self.table(&Table { path: &path, user: Some(&user) }, found)?;
            }
        }
        for (folder, when) in OFTEN {
            for path in self.files(folder, found) {
                let made = host(Kind::Job, &format!("cron {path}"))
                    .text("schedule", when)
                    .text("user", "root")
                    .text("command", &path);
                found.put(made.done())?;
            }
        }
        self.timers(found, worker)
    }
}

impl Jobs {
    /// The files of a folder, or the one that is there, as paths below the root, without what
    /// editors and package managers leave behind.
    fn files(&self, path: &str, found: &mut Found) -> Vec<String> {
        let at = self.place.at(path);
        if at.is_file() {
            return vec![format!("/{path}")];
        }
        let entries = match fs::read_dir(&at) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                found.miss(
                    Cover::Prefix(Kind::Job, format!("cron /{path}")),
                    format!("{path}: {error}"),
                );
                return Vec::new();
            }
        };
        let names = entries.take(MOST_FILES).flatten().filter(|entry| entry.path().is_file());
        let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let leftover = |name: &str| name.starts_with('.') || name.contains(['~', '.']);
        let mut names: Vec<_> =
            names.filter(|name| !leftover(name)).map(|name| format!("/{path}/{name}")).collect();
        names.sort();
        names
    }

    fn table(&self, table: &Table<'_>, found: &mut Found) -> Result<(), Stop> {
        match read::text(&self.place.at(table.path.trim_start_matches('/')), MOST) {
            Ok(text) => {
                for job in jobs(&text, table, &self.hider) {
                    found.put(job)?;
                }
            }
            Err(error) => {
                let cover = Cover::Prefix(Kind::Job, format!("cron {} ", table.path));
                found.miss(cover, format!("{}: {error}", table.path));
            }
        }
        Ok(())
    }

    fn timers(&self, found: &mut Found, worker: &mut Worker) -> Result<(), Stop> {
        let mut seen = BTreeSet::new();
        for folder in UNITS {
            let entries = fs::read_dir(self.place.at(folder)).into_iter().flatten().flatten();
            for entry in entries {
                let name = entry.file_name().to_string_lossy().into_owned();
                if !name.ends_with(".timer") || !seen.insert(name.clone()) {
                    continue;
                }
                worker.breathe();
                match read::text(&entry.path(), MOST) {
                    Ok(text) => {
                        let wants = "etc/systemd/system/timers.target.wants";
                        let enabled = self.place.at(wants).join(&name).symlink_metadata().is_ok();
                        found.put(timer(&name, folder, &text, enabled))?;
                    }
                    // Masked: a link to /dev/null.
                    Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => {
                        found.put(
                            host(Kind::Job, &format!("timer {name}")).flag("masked", true).done(),
                        )?;
                    }
                    Err(error) => {
                        let key = host(Kind::Job, &format!("timer {name}")).done().key;
                        found.miss(Cover::Key(key), format!("{name}: {error}"));
                    }
                }
            }
        }
        Ok(())
    }
}

/// The jobs of a table (crontab(5)). A job is called after its command, so that another time is a
/// change of it, and another command is another job.
fn jobs(text: &str, table: &Table<'_>, hider: &Hider) -> Vec<Resource> {
    let mut variables = BTreeMap::new();
    let mut used: BTreeMap<String, u32> = BTreeMap::new();
    let mut jobs = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some((name, value)) = variable(line) {
            variables.insert(name.to_owned(), hider.value(name, value));
            continue;
        }
        let Some((when, user, command)) = job(line, table.user) else { continue };
        let (command, hidden) = hider.command(command);
        let digest = blake3::hash(command.as_bytes()).to_hex();
        let id = format!("cron {} {user} {}", table.path, &digest[..12]);
        let times = used.entry(id.clone()).or_default();
        *times += 1;
        let id = if *times == 1 { id } else { format!("{id} {times}") };
        let made = host(Kind::Job, &id)
            .named(&short(&command, 80))
            .text("schedule", when)
            .text("user", user)
            .text("command", &command)
            .text("file", table.path)
            .maybe("command_hidden", hidden);
        let variables = (!variables.is_empty()).then(|| Value::Map(variables.clone()));
        jobs.push(made.maybe("variables", variables).done());
    }
    jobs
}

/// `NAME = value`, which no line of a job is: its first word begins with a digit, `*` or `@`.
fn variable(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim_end();
    let good = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    good.then(|| (name, value.trim().trim_matches(['"', '\''])))
}

/// When, who, what.
fn job<'a>(line: &'a str, user: Option<&'a str>) -> Option<(String, &'a str, &'a str)> {
    let words = if line.starts_with('@') { 1 } else { 5 };
    let mut rest = line;
    let mut next = || {
        let (word, after) = rest.split_once([' ', '\t'])?;
        rest = after.trim_start();
        Some(word)
    };
    let when: Option<Vec<_>> = (0..words).map(|_| next()).collect();
    let when = when?.join(" ");
    let user = match user {
        Some(user) => user,
        None => next()?,
    };
    (!rest.is_empty()).then_some((when, user, rest))
}

/// A timer: what of its file says when.
fn timer(name: &str, folder: &str, text: &str, enabled: bool) -> Resource {
    let mut section = "";
    let mut when: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name;
        } else if section == "Timer"
            && let Some((key, value)) = line.split_once('=')
            && WHEN.contains(&key.trim_end())
        {
            let values = when.entry(key.trim_end()).or_default();
            match value.trim() {
                // An empty value takes back what was said before.
                "" => values.clear(),
                value => values.push(value),
            }
        }
    }
    let mut made = host(Kind::Job, &format!("timer {name}"))
        .named(name)
        .text("file", format!("/{folder}/{name}"))
        .flag("enabled", enabled);
    for (key, values) in when.into_iter().filter(|(_, values)| !values.is_empty()) {
        made = made.put(key, list(values));
    }
    made.done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Pace;

    const TABLE: &str = "# remark\nSHELL=/bin/sh\nDB_PASSWORD = hunter2\n\n\
        17 * * * * root cd / && run-parts --report /etc/cron.hourly\n\
        @reboot  ann  /bin/backup --password hunter2\n\
        * * * * *\nnonsense\n0 1 * * 1-5\troot\t/bin/true\n0 2 * * * root /bin/true\n";

    #[test]
    fn jobs_of_cron_are_read_without_their_secrets() {
        let table = Table { path: "/etc/crontab", user: None };
        let read = jobs(TABLE, &table, &Hider::new([1; 32]));
        assert_eq!(read.len(), 4);
        assert_eq!(read[0].properties["schedule"], Value::from("17 * * * *"));
        assert_eq!(read[1].properties["user"], Value::from("ann"));
        assert_eq!(read[1].properties["schedule"], Value::from("@reboot"));
        let told = serde_json::to_string(&read).expect("json");
        assert!(!told.contains("hunter2"), "{told}");
        assert_ne!(read[2].key, read[3].key, "one command at two times");
        let later = jobs(&TABLE.replace("17 *", "18 *"), &table, &Hider::new([1; 32]));
        assert_eq!(later[0].key, read[0].key, "another time is the same job");
        let mine = Table { path: "/var/spool/cron/crontabs/bob", user: Some("bob") };
        let read = jobs("5 4 * * * /bin/x y\n", &mine, &Hider::new([1; 32]));
        assert_eq!(read[0].properties["command"], Value::from("/bin/x y"));
    }

    #[test]
    fn timers_say_when() {
        let text = "[Unit]\nOnCalendar=no\n[Timer]\nOnCalendar=daily\nOnCalendar=\nOnCalendar=*-*-* 6,18:00\nRandomizedDelaySec=12h\n";
        let read = timer("apt.timer", "lib/systemd/system", text, true);
        assert_eq!(read.properties["OnCalendar"], list(["*-*-* 6,18:00"]));
        assert_eq!(read.properties["enabled"], Value::Bool(true));
    }

    #[test]
    fn the_folders_of_a_machine_are_looked_at() {
        let temp = tempfile::tempdir().expect("a folder");
        for (path, text) in [
            ("etc/crontab", "1 1 * * * root /bin/a\n"),
            ("etc/cron.d/b", "1 1 * * * root /bin/b\n"),
            ("etc/cron.d/.placeholder", "1 1 * * * root /bin/no\n"),
            ("etc/cron.d/b.dpkg-old", "1 1 * * * root /bin/no\n"),
            ("etc/cron.daily/c", "#!/bin/sh\n"),
            ("var/spool/cron/crontabs/ann", "1 1 * * * /bin/d\n"),
            ("lib/systemd/system/e.timer", "[Timer]\nOnCalendar=daily\n"),
            ("etc/systemd/system/e.timer", "[Timer]\nOnCalendar=weekly\n"),
        ] {
            let path = temp.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        }
        let look = Jobs { place: Place::below(temp.path()), hider: Hider::new([1; 32]) };
        let mut found = Found::within(Default::default());
        look.look(&mut found, &mut Pace::free().worker()).expect("looked");
        assert!(found.is_complete(), "{:?}", found.problem());
        let commands: Vec<_> =
            found.resources().filter_map(|one| one.properties.get("command")).cloned().collect();
        assert_eq!(commands.len(), 4, "{commands:?}");
        let timer = found.resources().find(|one| one.key.id() == "timer e.timer").expect("there");
        assert_eq!(timer.properties["OnCalendar"], list(["weekly"]), "the machine's own wins");
    }
}
