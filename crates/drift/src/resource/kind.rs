//! What sort of thing a resource is.

use crate::words::words;

/// What sort of thing a resource is. The order is the order of a host's picture, and the position
/// is written in canonical bytes: a new kind goes to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// The operating system, its kernel, the machine.
    System,
    /// An installed package.
    Package,
    /// A service or unit.
    Service,
    /// A user.
    User,
    /// A group.
    Group,
    /// A port that something listens on.
    Port,
    /// A mounted filesystem.
    Mount,
    /// A network interface.
    Interface,
    /// A route.
    Route,
    /// How names are resolved.
    Resolver,
    /// A kernel's setting.
    Sysctl,
    /// A job that runs at times.
    Job,
    /// A certificate.
    Certificate,
    /// A file or folder.
    File,
    /// A configuration file that is read for its settings.
    Config,
    /// A technology that a provider serves.
    Technology,
    /// An instance.
    Instance,
    /// An image.
    Image,
    /// A network of a technology.
    Network,
    /// A volume of a technology.
    Volume,
    /// A pool of storage.
    Pool,
    /// A saved state of an instance.
    Checkpoint,
}

words!(Kind {
    System = "system",
    Package = "package",
    Service = "service",
    User = "user",
    Group = "group",
    Port = "port",
    Mount = "mount",
    Interface = "interface",
    Route = "route",
    Resolver = "resolver",
    Sysctl = "sysctl",
    Job = "job",
    Certificate = "certificate",
    File = "file",
    Config = "config",
    Technology = "technology",
    Instance = "instance",
    Image = "image",
    Network = "network",
    Volume = "volume",
    Pool = "pool",
    Checkpoint = "checkpoint",
});

impl Kind {
    /// The number in canonical bytes.
    pub(crate) const fn number(self) -> u8 {
        self as u8
    }

    /// The kind of a number in canonical bytes.
    pub(crate) fn of_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}
