//! What can go wrong, the same for all technologies.

use std::fmt;

use tamer_model::{Code, Problem};

/// Which kind of fault. Exhaustive on purpose: every provider sorts what its technology says into
/// these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// There is no such instance, image, network, checkpoint.
    NotFound,
    /// There is one of that name already.
    AlreadyExists,
    /// The technology is not there, does not answer, or went away in the middle.
    Unavailable,
    /// The technology cannot do that.
    Unsupported,
    /// The spec asks for what cannot be; the fault names the field.
    InvalidSpec,
    /// The instance is not in a state that allows it, or somebody else changes it just now.
    Conflict,
    /// Memory, disk, ports or another thing of which there is only so much ran out.
    ResourceExhausted,
    /// The agent may not.
    Permission,
    /// There was no answer in time; whether it was done is not known.
    Timeout,
    /// The technology failed for a reason of its own.
    Failed,
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which kind.
    pub kind: FaultKind,
    /// What went wrong and on what, in one sentence of ours.
    pub message: String,
    /// The field of the spec at fault, by its path in the spec file.
    pub field: Option<String>,
    /// What the reader can do.
    pub remedy: String,
    /// What the technology itself said.
    pub technology: Option<String>,
}

impl Fault {
    /// A fault of this kind.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        let remedy = kind.remedy().to_owned();
        Self { kind, message: message.into(), field: None, remedy, technology: None }
    }

    /// A field of the spec that cannot be had.
    pub fn spec(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..Self::new(FaultKind::InvalidSpec, message) }
    }

    /// An operation that the technology does not have.
    pub fn unsupported(what: &str, why: impl fmt::Display) -> Self {
        Self::new(FaultKind::Unsupported, format!("{what} is not supported: {why}"))
    }

    /// Names the field at fault.
    #[must_use]
    pub fn on(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Says what the reader can do, better than the kind alone knows.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// Attaches what the technology said.
    #[must_use]
    pub fn said(mut self, technology: impl Into<String>) -> Self {
        self.technology = Some(technology.into());
        self
    }
}

impl FaultKind {
    /// Every kind.
    pub const ALL: &[Self] = &[
        Self::NotFound,
        Self::AlreadyExists,
        Self::Unavailable,
        Self::Unsupported,
        Self::InvalidSpec,
        Self::Conflict,
        Self::ResourceExhausted,
        Self::Permission,
        Self::Timeout,
        Self::Failed,
    ];

    const fn remedy(self) -> &'static str {
        match self {
            Self::NotFound => "`tamerctl instance ls` shows what there is",
            Self::AlreadyExists => "choose another name, or remove the one that is there",
            Self::Unavailable => {
                "check that the technology runs on its host; `tamerctl host show` says what is known"
            }
            Self::Unsupported => "`tamerctl host show` lists what each provider can do",
            Self::InvalidSpec => "correct the field and try again",
            Self::Conflict => "look at its state with `tamerctl instance show` and try again",
            Self::ResourceExhausted => "free some of it on the host, or ask for less",
            Self::Permission => "give the agent's user the right, or run the agent as root",
            Self::Timeout => "look at its state with `tamerctl instance show` before trying again",
            Self::Failed => "what the technology said is the best clue",
        }
    }

    const fn code(self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::AlreadyExists => Code::AlreadyExists,
            Self::Unavailable => Code::ProviderUnavailable,
            Self::Unsupported => Code::Unsupported,
            Self::InvalidSpec => Code::InvalidField,
            Self::Conflict => Code::WrongState,
            Self::ResourceExhausted => Code::ResourceExhausted,
            Self::Permission => Code::PermissionDenied,
            Self::Timeout => Code::TimedOut,
            Self::Failed => Code::TechnologyFailed,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.technology {
            Some(said) => write!(f, " ({})", said.trim()),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let problem = Self::new(fault.kind.code(), fault.to_string()).remedy(fault.remedy);
        match fault.field {
            Some(field) => problem.on(field),
            None => problem,
        }
    }
}

impl From<Problem> for Fault {
    /// What the model refused about a spec.
    fn from(problem: Problem) -> Self {
        let Problem { code: _, message, field, remedy } = problem;
        let fault = Self::new(FaultKind::InvalidSpec, message);
        let remedy = remedy.unwrap_or(fault.remedy);
        Self { field, remedy, ..fault }
    }
}
