//! The configuration: defaults, then a TOML file, then the environment, then flags. The only place
//! that knows where a value came from.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Args};
use serde::Deserialize;
use tamer_model::{Code, Problem};
use tamer_store::EngineKind;
use tamer_telemetry::Format;

use crate::contents::ContentLimits;
use crate::door::DoorLimits;
use crate::drift::DriftConfig;
use crate::janitor::Retention;
use crate::workloads::Scheduling;

/// The port that everything is served on.
pub const PORT: u16 = 8443;

/// What can be said on the command line or in the environment.
#[derive(Debug, Clone, Args)]
pub struct Flags {
    /// A TOML file with the same settings
    #[arg(long, env = "TAMER_COORDINATOR_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder that holds everything this coordinator knows [default: /var/lib/tamer-coordinator]
    #[arg(long, env = "TAMER_COORDINATOR_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// The address to serve on [default: [::]:8443]
    #[arg(long, env = "TAMER_COORDINATOR_LISTEN", value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// The address of the health endpoint, or `off` [default: 127.0.0.1:8444]
    #[arg(long, env = "TAMER_COORDINATOR_HEALTH", value_name = "ADDR:PORT|off")]
    health: Option<String>,
    /// The store to use for a new fleet: sled, redb or memory [default: sled]
    #[arg(long, env = "TAMER_COORDINATOR_STORE", value_name = "ENGINE")]
    store: Option<String>,
    /// Do not advertise on the local network
    #[arg(long, env = "TAMER_COORDINATOR_NO_MDNS", num_args = 0..=1, default_missing_value = "true")]
    no_mdns: Option<bool>,
    /// Advertise on these interfaces only
    #[arg(long, env = "TAMER_COORDINATOR_INTERFACES", value_name = "NAME", value_delimiter = ',')]
    interfaces: Option<Vec<String>>,
    /// How logs are written to standard error: text or json [default: text]
    #[arg(long, env = "TAMER_COORDINATOR_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<String>,
    /// Which logs are written, as tracing's filter directives [default: info]
    #[arg(long, env = "TAMER_COORDINATOR_LOG", value_name = "FILTER")]
    log: Option<String>,
    /// Stop when standard input ends: for programs that start this one
    #[arg(long, hide = true)]
    exit_with_stdin: bool,
    /// Print every setting, its value and where it came from, and exit
    #[arg(long)]
    pub print_config: bool,
}

/// The same, in a file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    data: Option<PathBuf>,
    listen: Option<SocketAddr>,
    health: Option<String>,
    store: Option<String>,
    no_mdns: Option<bool>,
    interfaces: Option<Vec<String>>,
    log_format: Option<String>,
    log: Option<String>,
    door: Option<DoorLimits>,
    retention: Option<Retention>,
    contents: Option<ContentLimits>,
    drift: Option<DriftConfig>,
    scheduling: Option<Scheduling>,
}

/// Where state lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    /// In the data folder.
    Disk(EngineKind),
    /// Nowhere: for trying things.
    Memory,
}

/// The settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// The data folder.
    pub data: PathBuf,
    /// The one port.
    pub listen: SocketAddr,
    /// The health endpoint, if there is one.
    pub health: Option<SocketAddr>,
    /// Where state lives.
    pub store: StoreKind,
    /// Whether to advertise on the local network.
    pub mdns: bool,
    /// On which interfaces; empty for all.
    pub interfaces: Vec<String>,
    /// How logs are written.
    pub log_format: Format,
    /// Which logs are written.
    pub log: String,
    /// Limits at the door.
    pub door: DoorLimits,
    /// How long things are kept.
    pub retention: Retention,
    /// How many bytes of scripts and files are held, and moved at once.
    pub contents: ContentLimits,
    /// What decides what drift means.
    pub drift: DriftConfig,
    /// How workloads share what is scarce.
    pub scheduling: Scheduling,
    /// Whether the end of standard input is a request to stop.
    pub exit_with_stdin: bool,
    origins: Vec<(&'static str, String, String)>,
}

impl Config {
    /// Puts the settings together; all problems come in one.
    pub fn load(flags: Flags, matches: &ArgMatches) -> Result<Self, Problem> {
        let file = flags.config.as_deref().map(read).transpose()?.unwrap_or_default();
        let mut merge = Merge {
            matches,
            problems: Vec::new(),
            origins: Vec::new(),
            file: flags.config.as_deref(),
        };
        let data = merge.take(
            "data",
            flags.data,
            file.data,
            PathBuf::from("/var/lib/tamer-coordinator"),
            |p| p.display().to_string(),
        );
        let listen = merge.take(
            "listen",
            flags.listen,
            file.listen,
            SocketAddr::from(([0u16; 8], PORT)),
            ToString::to_string,
        );
        let health = merge.take(
            "health",
            flags.health,
            file.health,
            "127.0.0.1:8444".to_owned(),
            Clone::clone,
        );
        let store = merge.take("store", flags.store, file.store, "sled".to_owned(), Clone::clone);
        let no_mdns =
            merge.take("no_mdns", flags.no_mdns, file.no_mdns, false, ToString::to_string);
        let interfaces =
            merge.take("interfaces", flags.interfaces, file.interfaces, Vec::new(), |list| {
                list.join(",")
            });
        let log_format = merge.take(
            "log_format",
            flags.log_format,
            file.log_format,
            "text".to_owned(),
            Clone::clone,
        );
        let log = merge.take("log", flags.log, file.log, "info".to_owned(), Clone::clone);
        let door =
            merge.take("door", None, file.door, DoorLimits::default(), |door| format!("{door:?}"));
        let retention = merge
            .take("retention", None, file.retention, Retention::default(), |r| format!("{r:?}"));
        let contents = merge
            .take("contents", None, file.contents, ContentLimits::default(), |c| format!("{c:?}"));
        let drift =
            merge.take("drift", None, file.drift, DriftConfig::default(), |d| format!("{d:?}"));
        let scheduling =
            merge.take("scheduling", None, file.scheduling, Scheduling::default(), |s| {
                format!("{s:?}")
            });
        let health = merge.check("health", health_address(&health));
        let store = merge.check("store", store_kind(&store));
        let log_format = merge.check(
            "log_format",
            log_format.parse().map_err(|error: tamer_telemetry::InvalidFormat| error.to_string()),
        );
        let Merge { problems, origins, .. } = merge;
        let (Some(health), Some(store), Some(log_format), true) =
            (health, store, log_format, problems.is_empty())
        else {
            return Err(Problem::new(Code::ConfigInvalid, problems.join("; "))
                .remedy("see `tamer-coordinator run --help`"));
        };
        Ok(Self {
            data,
            listen,
            health,
            store,
            mdns: !no_mdns,
            interfaces,
            log_format,
            log,
            door,
            retention,
            contents,
            drift,
            scheduling,
            exit_with_stdin: flags.exit_with_stdin,
            origins,
        })
    }

    /// Every setting, its value, and where it came from.
    pub fn show(&self) -> String {
        self.origins.iter().fold(String::new(), |mut text, (name, value, origin)| {
            let _ = writeln!(text, "{name} = {value}  # {origin}");
            text
        })
    }
}

fn read(path: &Path) -> Result<File, Problem> {
    let invalid = |error: &dyn std::fmt::Display| {
        Problem::new(Code::ConfigInvalid, format!("{}: {error}", path.display()))
            .on("config")
            .remedy("the settings are the long names of the flags, with `_` for `-`, and the tables [door], [retention], [contents], [drift] and [scheduling]")
    };
    let text = std::fs::read_to_string(path).map_err(|error| invalid(&error))?;
    toml::from_str(&text).map_err(|error| invalid(&error.to_string().trim_end()))
}

fn health_address(text: &str) -> Result<Option<SocketAddr>, String> {
    if text == "off" {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|_| format!("{text:?} is neither an address like 127.0.0.1:8444 nor `off`"))
}

fn store_kind(text: &str) -> Result<StoreKind, String> {
    match text {
        "memory" => Ok(StoreKind::Memory),
        other => other
            .parse()
            .map(StoreKind::Disk)
            .map_err(|error: tamer_store::UnknownEngine| error.to_string()),
    }
}

struct Merge<'a> {
    matches: &'a ArgMatches,
    file: Option<&'a Path>,
    problems: Vec<String>,
    origins: Vec<(&'static str, String, String)>,
}

impl Merge<'_> {
    fn take<T>(
        &mut self,
        name: &'static str,
        flag: Option<T>,
        file: Option<T>,
        default: T,
        show: impl Fn(&T) -> String,
    ) -> T {
        let (value, origin) = match (flag, file) {
            (Some(value), _) => {
                let known = self.matches.try_contains_id(name).is_ok();
                let source = known.then(|| self.matches.value_source(name)).flatten();
                let origin =
                    if source == Some(ValueSource::EnvVariable) { "environment" } else { "flag" };
                (value, origin.to_owned())
            }
            (None, Some(value)) => {
                (value, self.file.map_or_else(String::new, |path| path.display().to_string()))
            }
            (None, None) => (default, "default".to_owned()),
        };
        self.origins.push((name, show(&value), origin));
        value
    }

    fn check<T>(&mut self, name: &str, value: Result<T, String>) -> Option<T> {
        value.map_err(|problem| self.problems.push(format!("{name}: {problem}"))).ok()
    }
}
