//! What Tamer itself did on hosts, and what that could have touched.

use serde::{Deserialize, Serialize};
use tamer_model::{
    BatchId, HostId, InstanceId, InstanceOrder, InstanceRef, PlacementId, ProviderName, Timestamp,
    UserName, Work, WorkloadName,
};

use super::glob::Glob;
use crate::resource::{Kind, ResourceKey, Source};

/// One thing that Tamer did on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// As part of what.
    pub doing: Doing,
    /// Where.
    pub host: HostId,
    /// When it began, by the coordinator's clock.
    pub from: Timestamp,
    /// When it ended; absent while it goes on, or when its end is not known. Of an operation, until
    /// when it is held to have gone on: nobody tells when it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// Who wanted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserName>,
    /// What it was, in a few words: "ran `apt-get upgrade`".
    pub words: String,
    /// What it could have touched.
    pub touched: Touched,
}

/// What a deed is a part of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// A batch; the deed is one of its tasks.
    Batch(BatchId),
    /// A workload; the deed is making or ending one of its placements.
    Workload {
        /// Which.
        name: WorkloadName,
        /// The placement.
        placement: PlacementId,
    },
    /// A person's operation on one instance. One knows when it was asked for, and no more.
    Operation(InstanceId),
}

/// What a deed could have touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Touched {
    /// It could have touched anything: it ran a program.
    Anything,
    /// These, and what starting and stopping instances brings with it.
    Only(Vec<Touch>),
}

/// Some of a host's resources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touch {
    /// Of this kind.
    pub kind: Kind,
    /// Of this source; any, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// With an id or a name like this; any, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub like: Option<Glob>,
}

/// How close a deed is to a resource; ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// It could have touched anything.
    Anything,
    /// It brings such things with it: a started instance its ports and interfaces.
    Along,
    /// It is about this very thing.
    Itself,
}

/// What comes and goes with instances without being named by what starts them.
const ALONG: &[Kind] = &[
    Kind::Port,
    Kind::Interface,
    Kind::Route,
    Kind::Mount,
    Kind::Volume,
    Kind::Network,
    Kind::Image,
    Kind::Checkpoint,
];

impl Touched {
    /// What a task could have touched.
    pub fn of(work: &Work) -> Self {
        match work {
            Work::Command(_) | Work::Script(_) => Self::Anything,
            Work::Instance(order) => Self::Only(of_order(order)),
            Work::Push(push) => Self::Only(of_file(&push.path)),
            Work::Fetch(_) => Self::Only(Vec::new()),
            Work::Exec { instance, .. } => Self::of_instance(instance),
            Work::Sequence(steps) => {
                steps.iter().map(Self::of).fold(Self::Only(Vec::new()), Self::and)
            }
        }
    }

    /// What a command in an instance could have touched.
    pub fn of_instance(instance: &InstanceRef) -> Self {
        Self::Only(Touch::instance(&instance.provider, instance.native.as_str()))
    }

    /// What making or ending a copy of a workload could have touched; `instance` is what the copy's
    /// instance is called, which no other is.
    pub fn of_copy(provider: &ProviderName, instance: &str) -> Self {
        Self::Only(Touch::instance(provider, instance))
    }

    /// Whether it could have touched this resource, and be it along with others.
    pub fn may_touch(&self, key: &ResourceKey, name: &str) -> bool {
        self.reach(key, name).is_some()
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Only(mut all), Self::Only(more)) => {
                all.extend(more);
                Self::Only(all)
            }
            (Self::Anything, _) | (_, Self::Anything) => Self::Anything,
        }
    }

    pub(super) fn reach(&self, key: &ResourceKey, name: &str) -> Option<Reach> {
        let touches = match self {
            Self::Anything => return Some(Reach::Anything),
            Self::Only(touches) => touches,
        };
        if touches.iter().any(|touch| touch.holds(key, name)) {
            return Some(Reach::Itself);
        }
        let instances = touches.iter().any(|touch| touch.kind == Kind::Instance);
        (instances && ALONG.contains(&key.kind())).then_some(Reach::Along)
    }
}

impl Touch {
    /// Nothing where the text cannot be told from a pattern: rather unknown than wrongly ours.
    fn instance(provider: &ProviderName, text: &str) -> Vec<Self> {
        let source = Some(Source::from(provider));
        let one = |like| Self { kind: Kind::Instance, source, like: Some(like) };
        Glob::exactly(text).map(one).into_iter().collect()
    }

    fn holds(&self, key: &ResourceKey, name: &str) -> bool {
        let like = |glob: &Glob| glob.matches(key.id()) || glob.matches(name);
        self.kind == key.kind()
            && self.source.as_ref().is_none_or(|source| source == key.source())
            && self.like.as_ref().is_none_or(like)
    }
}

fn of_file(path: &str) -> Vec<Touch> {
    let Some(like) = Glob::exactly(path) else { return Vec::new() };
    let kinds = [Kind::File, Kind::Config, Kind::Certificate, Kind::Job, Kind::Resolver];
    kinds.map(|kind| Touch { kind, source: None, like: Some(like.clone()) }).into()
}

fn of_order(order: &InstanceOrder) -> Vec<Touch> {
    match order {
        InstanceOrder::Act { instance, .. } => {
            Touch::instance(&instance.provider, instance.native.as_str())
        }
        InstanceOrder::Create(create) => match &create.spec.name {
            Some(name) => Touch::instance(&create.provider, name.as_str()),
            None => {
                let source = Some(Source::from(&create.provider));
                vec![Touch { kind: Kind::Instance, source, like: None }]
            }
        },
        InstanceOrder::Pull(pull) => {
            let source = Some(Source::from(&pull.provider));
            vec![Touch { kind: Kind::Image, source, like: None }]
        }
    }
}
