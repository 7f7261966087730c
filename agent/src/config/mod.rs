//! The agent's configuration: defaults, then the file, then the environment, then flags.
//!
//! Each layer gives raw texts by key, with where they came from; [`Config::read`] turns the winning
//! ones into values once, and reports every problem of every layer together.

mod devices;
mod inventory;
mod keys;
mod layers;
mod providers;
mod size;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;

use tamer_certs::JoinToken;
use tamer_model::{Code, DeviceName, Fingerprint, HostName, Problem};
use tamer_telemetry::Format;

pub use keys::{KEYS, Key, LISTS};
pub use layers::{Layer, Source, Value, environment, file, setting};
pub use providers::{DomainType, Enabled, Engine, Libvirt, Login, Password, Providers};
pub use size::{NoSize, Size};

use crate::backoff::Longest;
use crate::inventory::Settings;
use crate::platform;
use crate::spool::Limits;
use crate::work::{Accept, Kind};

/// The port that coordinators serve on unless they are told otherwise.
pub const DEFAULT_PORT: u16 = 8443;

/// The configuration, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The agent's folder.
    pub data: PathBuf,
    /// Addresses to dial, each with a port.
    pub coordinators: Vec<String>,
    /// Whether to look on the local network.
    pub discovery: bool,
    /// The name to ask for.
    pub name: Option<HostName>,
    /// The join token.
    pub token: Option<JoinToken>,
    /// Whether to ask to join without one.
    pub ask_to_join: bool,
    /// The only fleet to ask to join.
    pub ca: Option<Fingerprint>,
    /// The longest wait before dialling again.
    pub redial_longest: Longest,
    /// How log lines look.
    pub log_format: Format,
    /// What is logged.
    pub log_level: String,
    /// Which kinds of tasks are taken.
    pub accept: Accept,
    /// How much of the whole output of tasks is kept on the disk.
    pub spool: Limits,
    /// Which technologies are served, and how they are reached.
    pub providers: Providers,
    /// How many devices of each kind placements may have.
    pub devices: BTreeMap<DeviceName, u32>,
    /// What is looked at for the picture of this host.
    pub inventory: Settings,
}

/// What each key came out as, and why.
pub type Merged = BTreeMap<String, (Vec<String>, Source)>;

/// Merges layers, the lowest first. Keys that nobody set have their default.
pub fn merge(layers: impl IntoIterator<Item = Layer>) -> Merged {
    let mut merged = Merged::new();
    for key in KEYS.iter().filter(|key| key.variable().is_some()) {
        merged.insert(key.name.to_owned(), (default(key.name), Source::Default));
    }
    for Layer { source, values } in layers {
        for (name, value) in values {
            merged.insert(name, (value, source.clone()));
        }
    }
    merged
}

fn default(key: &str) -> Value {
    match key {
        "data" => vec![platform::default_data_folder().display().to_string()],
        "discovery" => vec!["true".to_owned()],
        "ask_to_join" => vec!["false".to_owned()],
        "redial_longest" => vec!["30s".to_owned()],
        "log_format" => vec!["text".to_owned()],
        "log_level" => vec!["info".to_owned()],
        "tasks.accept" => Kind::ALL.iter().map(|kind| kind.as_str().to_owned()).collect(),
        "output.spool_task" => vec![Size::of(Limits::default().stream_bytes).to_string()],
        "output.spool_total" => vec![Size::of(Limits::default().total_bytes).to_string()],
        "providers.docker.enabled" | "providers.podman.enabled" | "providers.libvirt.enabled" => {
            vec!["auto".to_owned()]
        }
        "inventory.enabled" => vec!["true".to_owned()],
        "inventory.files" => texts(platform::default_files()),
        "inventory.certificates" => texts(platform::default_certificates()),
        "inventory.poll" => vec!["20s".to_owned()],
        "inventory.full" => vec!["10m".to_owned()],
        "providers.libvirt.uri" => vec!["qemu:///system".to_owned()],
        "providers.libvirt.domain_type" => vec!["auto".to_owned()],
        _ => Vec::new(),
    }
}

fn texts(texts: &[&str]) -> Value {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// The configuration as `--print-config` shows it: value, and where it came from.
pub fn print(merged: &Merged) -> String {
    let line = |(key, name, value, source): (&Key, &String, &Value, &Source)| {
        let shown = match (key.name, value.as_slice()) {
            ("token", [_]) => "\"(hidden)\"".to_owned(),
            ("discovery" | "ask_to_join" | "inventory.enabled", [value]) => value.clone(),
            (key, values) if LISTS.contains(&key) => format!("{values:?}"),
            (_, [value]) => format!("{value:?}"),
            (_, _) => "\"\"".to_owned(),
        };
        format!("{name} = {shown}  # {source}: {}\n", key.doc)
    };
    let of = |key: &'static Key| {
        let mine = merged.iter().filter(|(name, _)| key.is(name));
        mine.map(move |(name, (value, source))| (key, name, value, source))
    };
    KEYS.iter().flat_map(of).map(line).collect()
}

impl Config {
    /// Reads the merged layers, or tells everything that is wrong with them.
    pub fn read(merged: &Merged) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader { merged, problems: Vec::new() };
        let config = Self {
            data: PathBuf::from(reader.text("data").unwrap_or_default()),
            coordinators: reader.addresses(),
            discovery: reader.flag("discovery"),
            name: reader.parsed("name", "leave it out to use the machine's own name"),
            token: reader.token(),
            ask_to_join: reader.flag("ask_to_join"),
            ca: reader
                .parsed("ca", "copy it from `tamerctl status`, or from the coordinator's log"),
            redial_longest: reader
                .parsed("redial_longest", "write a time such as 5s")
                .unwrap_or_default(),
            log_format: reader.parsed("log_format", "write text or json").unwrap_or_default(),
            log_level: reader.level(),
            accept: reader.accept(),
            spool: reader.spool(),
            providers: reader.providers(),
            devices: reader.devices(),
            inventory: reader.inventory(),
        };
        reader.check(&config);
        if reader.problems.is_empty() { Ok(config) } else { Err(reader.problems) }
    }
}

/// The join token as it was given, for those who keep it.
pub fn token_text(merged: &Merged) -> Result<Option<String>, Vec<Problem>> {
    let mut reader = Reader { merged, problems: Vec::new() };
    let text = reader.token_text();
    if reader.problems.is_empty() { Ok(text) } else { Err(reader.problems) }
}

struct Reader<'a> {
    merged: &'a Merged,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn values(&self, key: &str) -> &[String] {
        self.merged.get(key).map_or(&[], |(values, _)| values)
    }

    fn text(&mut self, key: &str) -> Option<String> {
        match self.values(key) {
            [] => None,
            [one] => Some(one.clone()).filter(|text| !text.is_empty()),
            _ => {
                self.problem(key, "more than one value".to_owned(), "write one");
                None
            }
        }
    }

    fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
        &mut self,
        key: &str,
        remedy: &str,
    ) -> Option<T> {
        let text = self.text(key)?;
        text.parse().map_err(|error: T::Err| self.problem(key, error.to_string(), remedy)).ok()
    }

    fn flag(&mut self, key: &'static str) -> bool {
        self.parsed(key, "write true or false").unwrap_or_default()
    }

    fn level(&mut self) -> String {
        let level = self.text("log_level").unwrap_or_else(|| "info".to_owned());
        if let Err(error) = tamer_telemetry::check_level(&level) {
            self.problem("log_level", error.to_string(), "write info, or leave it out");
        }
        level
    }

    fn accept(&mut self) -> Accept {
        let texts = self.values("tasks.accept").to_vec();
        // In a `--set` the list is one text.
        let words = texts.iter().flat_map(|text| text.split(',')).map(str::trim);
        let kind = |word: &str| {
            let remedy = "write any of commands, scripts, files, instances and placements";
            let parsed = word.parse::<Kind>();
            parsed.map_err(|message| self.problem("tasks.accept", message, remedy)).ok()
        };
        words.filter(|word| !word.is_empty()).filter_map(kind).collect()
    }

    fn spool(&mut self) -> Limits {
        let mut bytes = |key| {
            let size = self.parsed(key, "write 64MiB, 1GiB, or a number of bytes");
            size.map_or(0, Size::bytes)
        };
        Limits {
            stream_bytes: bytes("output.spool_task"),
            total_bytes: bytes("output.spool_total"),
        }
    }

    fn addresses(&mut self) -> Vec<String> {
        let texts = self.values("coordinators").to_vec();
        texts.iter().filter_map(|text| self.address(text)).collect()
    }

    fn address(&mut self, text: &str) -> Option<String> {
        match address(text) {
            Some(address) => Some(address),
            None => {
                self.problem(
                    "coordinators",
                    format!("{text:?} is not an address"),
                    "write ADDRESS or ADDRESS:PORT, such as 10.0.0.5:8443 or [fd00::5]:8443",
                );
                None
            }
        }
    }

    /// The text of the token: of the two keys, the one that a higher layer sets.
    fn token_text(&mut self) -> Option<String> {
        let rank = |key: &str| self.merged.get(key).map_or(0, |(_, source)| source.rank());
        let file_wins = rank("token_file") > rank("token");
        match (self.text("token"), self.text("token_file")) {
            (_, Some(path)) if file_wins => self.token_of(&path),
            (Some(token), _) => Some(token),
            (None, Some(path)) => self.token_of(&path),
            (None, None) => None,
        }
    }

    fn token_of(&mut self, path: &str) -> Option<String> {
        let text = std::fs::read_to_string(path);
        text.map_err(|error| {
            let message = format!("cannot read {path}: {error}");
            self.problem("token_file", message, "name a file that the agent can read");
        })
        .ok()
    }

    fn token(&mut self) -> Option<JoinToken> {
        let text = self.token_text()?;
        text.parse::<JoinToken>().map_err(|error| self.problems.push(error.into())).ok()
    }

    /// What is wrong between keys.
    fn check(&mut self, config: &Config) {
        if config.coordinators.is_empty() && !config.discovery && self.problems.is_empty() {
            self.problem(
                "coordinators",
                "there is no address to dial and discovery is off".to_owned(),
                "give an address, or set discovery = true",
            );
        }
    }

    fn problem(&mut self, key: &str, message: String, remedy: &str) {
        let source = self.merged.get(key).map(|(_, source)| format!(" ({source})"));
        let message = format!("{message}{}", source.unwrap_or_default());
        self.problems.push(Problem::new(Code::ConfigInvalid, message).on(key).remedy(remedy));
    }
}

/// An address with its port, or nothing when the text is none.
fn address(text: &str) -> Option<String> {
    if text.is_empty() || text.contains(char::is_whitespace) || text.contains('/') {
        return None;
    }
    if let Ok(ip) = text.parse::<std::net::IpAddr>() {
        return Some(std::net::SocketAddr::new(ip, DEFAULT_PORT).to_string());
    }
    match text.rsplit_once(':') {
        None => Some(format!("{text}:{DEFAULT_PORT}")),
        Some((host, port)) => {
            let bracketed = host.starts_with('[') && host.ends_with(']');
            let good = !host.is_empty() && (bracketed || !host.contains(':'));
            (good && port.parse::<u16>().is_ok_and(|port| port != 0)).then(|| text.to_owned())
        }
    }
}
