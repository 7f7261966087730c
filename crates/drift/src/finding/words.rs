//! The words of findings.

use crate::resource::Kind;
use crate::words::words;

/// How a resource is not what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// It was not there before.
    Created,
    /// It is there no more.
    Deleted,
    /// It has other properties.
    Changed,
    /// The same content under another id, at another path or on another host.
    Moved,
    /// Another one under the same name: what its source calls it is new.
    Replaced,
    /// It is what it was, and its time runs out.
    Due,
}

words!(How {
    Created = "created",
    Deleted = "deleted",
    Changed = "changed",
    Moved = "moved",
    Replaced = "replaced",
    Due = "due",
});

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area {
    /// How many there are of something.
    Scaling,
    /// How something is set.
    Configuration,
    /// Which version of something is there.
    Deployment,
    /// What is reachable, and how.
    Network,
    /// Where data lies.
    Storage,
    /// Who may do what.
    Security,
}

words!(Area {
    Scaling = "scaling",
    Configuration = "configuration",
    Deployment = "deployment",
    Network = "network",
    Storage = "storage",
    Security = "security",
});

/// How much it matters; ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Everyday.
    Low,
    /// Worth a look.
    Medium,
    /// Somebody should look today.
    High,
    /// Somebody should look now.
    Critical,
}

words!(Severity { Low = "low", Medium = "medium", High = "high", Critical = "critical", });

/// Where a change comes from, without saying which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OriginWord {
    /// Tamer did it.
    Ours,
    /// Something that is known to change such things by itself.
    CoOwner,
    /// Nothing that is known.
    Unknown,
}

words!(OriginWord { Ours = "ours", CoOwner = "co_owner", Unknown = "unknown", });

/// What a comparison says as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Everything was looked at, and nothing differs but what named rules hide.
    None,
    /// Something differs.
    Drift,
    /// Nothing was seen that differs, and not everything was seen.
    NotObserved,
}

words!(Verdict { None = "none", Drift = "drift", NotObserved = "not_observed", });

impl Area {
    /// What a kind is about where no rule says otherwise.
    pub const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Package | Kind::Technology | Kind::Image => Self::Deployment,
            Kind::Instance => Self::Scaling,
            Kind::User | Kind::Group | Kind::Certificate => Self::Security,
            Kind::Port | Kind::Interface | Kind::Route | Kind::Resolver | Kind::Network => {
                Self::Network
            }
            Kind::Mount | Kind::Volume | Kind::Pool | Kind::Checkpoint => Self::Storage,
            Kind::System | Kind::Service | Kind::Sysctl | Kind::Job | Kind::File | Kind::Config => {
                Self::Configuration
            }
        }
    }
}
