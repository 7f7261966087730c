//! What mends a finding. Decides from the report alone and does nothing; what no rule mends is told
//! with the reason.

use std::collections::BTreeMap;

use tamer_drift::diff::{FieldChange, Path};
use tamer_drift::finding::{Finding, How, Origin, Ours};
use tamer_drift::{Kind, Value};
use tamer_model::InstanceAction;

use super::{instance, names, package, service};

/// What is told of a name that no program is given.
pub const NO_NAME: &str = "what the host calls it is no name that a command can be given";

/// What brings the baseline back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mend {
    /// Commands on its hosts, one after the other.
    Commands {
        /// Each a program and its arguments; no shell reads them.
        commands: Vec<Vec<String>>,
        /// What of the finding they do not mend.
        rest: Option<String>,
    },
    /// Something done to the instance.
    Instance {
        /// What.
        action: InstanceAction,
        /// What of the finding it does not mend.
        rest: Option<String>,
    },
    /// The copies of a workload made anew.
    Workload {
        /// Its name.
        name: String,
    },
    /// Nothing that a rule knows.
    Cannot {
        /// Why, and what a person can do.
        why: String,
    },
}

/// How a finding is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked {
    /// By its id, and not with all others.
    pub named: bool,
    /// Somebody said yes beforehand.
    pub yes: bool,
}

/// The copies of workloads: which workload an instance of this host and name is of.
#[derive(Debug, Default)]
pub struct Copies(BTreeMap<(String, String), String>);

impl Copies {
    /// Of each copy its host's id, what its instance is called, and its workload.
    pub fn of(copies: impl IntoIterator<Item = (String, String, String)>) -> Self {
        let copies = copies.into_iter().map(|(host, name, workload)| ((host, name), workload));
        Self(copies.collect())
    }

    /// The workload that a finding's instance is a copy of.
    pub fn workload(&self, finding: &Finding) -> Option<&str> {
        let mut hosts = finding.hosts.iter();
        hosts.find_map(|member| {
            let key = (member.host.to_string(), finding.name.clone());
            self.0.get(&key).map(String::as_str)
        })
    }
}

/// What mends a finding.
pub fn mend(finding: &Finding, copies: &Copies, asked: Asked) -> Mend {
    if !asked.named
        && let Some(why) = meant(finding)
    {
        return cannot(why);
    }
    match finding.kind {
        Kind::Package => package::mend(finding),
        Kind::Service => service::mend(finding),
        Kind::Sysctl => sysctl(finding),
        Kind::Instance => instance::mend(finding, copies, asked),
        Kind::User => cannot(user(finding.change)),
        Kind::Group => cannot("who belongs to a group is for a person to say: usermod, gpasswd"),
        Kind::File | Kind::Config | Kind::Job => cannot(
            "the baseline knows what the content was by its digest alone: push the file again",
        ),
        Kind::Certificate => cannot("a certificate is renewed by who issues it"),
        Kind::Port => cannot("a port is open because of a program: mend the service or instance"),
        Kind::Image | Kind::Network | Kind::Volume | Kind::Pool | Kind::Checkpoint => cannot(
            "what it holds is not in a baseline, so that neither making nor removing it is safe",
        ),
        Kind::Mount | Kind::Interface | Kind::Route | Kind::Resolver => {
            cannot("a wrong command would cut the host off: change its configuration by hand")
        }
        Kind::System | Kind::Technology => {
            cannot("it is what the host itself is: upgrade it by hand")
        }
    }
}

/// Why a finding that nobody named is left as it is: somebody meant it so.
fn meant(finding: &Finding) -> Option<String> {
    let accept = format!(
        "`tamerctl baseline accept {}` says that it is right; name it to have it undone",
        finding.id
    );
    if let Some(aside) = &finding.acknowledged {
        return Some(format!(
            "{} set it aside: {}; name it to have it mended",
            aside.by, aside.note
        ));
    }
    match &finding.origin.origin {
        Origin::Ours { what, id, by: _ } => {
            let what = match what {
                Ours::Batch => "the batch",
                Ours::Workload => "the workload",
                Ours::Operation => "an operation on the instance",
            };
            Some(format!("{what} {id} did it: {accept}"))
        }
        Origin::CoOwner { name } => Some(format!("{name} does it, and would again: {accept}")),
        Origin::Unknown => None,
    }
}

fn sysctl(finding: &Finding) -> Mend {
    let Some(FieldChange { before: Some(Value::Text(value)), .. }) = field(finding, "value") else {
        return cannot(
            "a kernel setting comes and goes with a part of the kernel, not by a command",
        );
    };
    match names::is_setting(&finding.name) && names::is_value(value) {
        true => commands(
            vec![argv(["sysctl", "-w", &format!("{}={value}", finding.name)])],
            others(finding, &["value"]),
        ),
        false => cannot(NO_NAME),
    }
}

fn user(change: How) -> &'static str {
    match change {
        How::Created => {
            "an account is not removed by a rule: its files and who uses it are not known"
        }
        How::Deleted => {
            "an account is not made again by a rule: its password and groups are not in a baseline"
        }
        How::Changed | How::Moved | How::Replaced | How::Due => {
            "what an account may do is for a person to say: usermod, chage, passwd"
        }
    }
}

/// Nothing mends it.
pub fn cannot(why: impl Into<String>) -> Mend {
    Mend::Cannot { why: why.into() }
}

/// These mend it; nothing does where there are none.
pub fn commands(commands: Vec<Vec<String>>, rest: Option<String>) -> Mend {
    match commands.is_empty() {
        true => cannot(rest.unwrap_or_else(|| "no command brings back what differs".to_owned())),
        false => Mend::Commands { commands, rest },
    }
}

/// A program and its arguments.
pub fn argv<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

/// The field of a property.
pub fn field<'a>(finding: &'a Finding, property: &str) -> Option<&'a FieldChange> {
    let path = Path::property(property);
    finding.fields.iter().find(|field| field.path == path)
}

/// A side of a field as text; empty where it is none.
pub fn text(side: Option<&Value>) -> &str {
    match side {
        Some(Value::Text(text)) => text,
        Some(
            Value::Bool(_)
            | Value::Int(_)
            | Value::Hidden(_)
            | Value::List(_)
            | Value::Set(_)
            | Value::Map(_),
        )
        | None => "",
    }
}

/// What differs besides these properties.
pub fn others(finding: &Finding, mended: &[&str]) -> Option<String> {
    let fields = finding.fields.iter().map(|field| &field.path).chain(&finding.varies);
    let names: Vec<_> = fields.map(ToString::to_string).collect();
    let names: Vec<_> =
        names.iter().map(String::as_str).filter(|one| !mended.contains(one)).collect();
    (!names.is_empty()).then(|| format!("no command brings these back: {}", names.join(", ")))
}
