//! On what: hosts, or instances, as flags and files say it.

use serde::Deserialize;
use tamer_model::{
    Amount, BatchId, EndKind, InstanceTerms, MAX_SELECTOR_BYTES, Problem, Selector, TargetSpec,
};

use super::text;
use super::values::{BatchRef, EndsOf};

/// Which hosts or instances: all that fit everything that is said.
#[derive(Debug, Clone, PartialEq, Eq, Default, clap::Args, Deserialize)]
#[group(skip)]
#[command(next_help_heading = "On what")]
#[serde(deny_unknown_fields, default)]
pub struct TargetArgs {
    /// Only the hosts that this means, as `os=linux,site in (berlin,paris)` [default: all]
    // An empty text is refused, not taken for all: an unset variable in a script must not run
    // something everywhere.
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub selector: Option<String>,
    /// Only this host: its name or id; again for more
    #[arg(long, value_name = "HOST")]
    pub host: Vec<String>,
    /// Only hosts that have an instance which this means: `provider=docker,state=running`
    #[arg(long, value_name = "SELECTOR")]
    pub having: Option<String>,
    /// Not on hosts: in the instances that this means, on the hosts that are meant
    #[arg(short = 'i', long, value_name = "SELECTOR")]
    pub instance_selector: Option<String>,
    /// Not on hosts: in this instance, an id, HOST/NAME, or a name that only one has; again for
    /// more
    #[arg(long, value_name = "INSTANCE")]
    pub r#in: Vec<String>,
    /// Only where an earlier batch failed, timed out, was refused or interrupted
    #[arg(long, value_name = "BATCH")]
    #[serde(with = "text")]
    pub failed_of: Option<BatchRef>,
    /// Only where an earlier batch never started
    #[arg(long, value_name = "BATCH")]
    #[serde(with = "text")]
    pub never_started_of: Option<BatchRef>,
    /// Only what an earlier batch could not reach
    #[arg(long, value_name = "BATCH")]
    #[serde(with = "text")]
    pub unreachable_of: Option<BatchRef>,
    /// Only where an earlier batch ended in one of these ways: succeeded, failed, timed-out,
    /// cancelled, refused, interrupted, never-started, unreachable
    #[arg(long, value_name = "BATCH:END,…")]
    #[serde(with = "text")]
    pub ends_of: Option<EndsOf>,
    /// Only so many of them, or such a share, drawn with --seed
    #[arg(long, value_name = "AMOUNT")]
    #[serde(with = "text")]
    pub sample: Option<Amount>,
}

/// What is meant, and whether the earlier batch is still to be looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meant {
    /// What is meant. Where the earlier batch is the newest one, its id is not yet the right one.
    pub targets: TargetSpec,
    /// Whether the earlier batch is the newest one.
    pub last: bool,
}

impl TargetArgs {
    /// What is said here, and where nothing is, what `below` says.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        super::over!(self, below;
            selector, having, instance_selector, failed_of, never_started_of, unreachable_of,
            ends_of, sample;
            host, r#in)
    }

    /// Whether instances are meant.
    pub fn on_instances(&self) -> bool {
        self.instance_selector.is_some() || !self.r#in.is_empty()
    }

    /// What they mean, checked before it travels.
    pub fn meant(self) -> Result<Meant, Problem> {
        let instances = self.instances()?;
        let (earlier, last) = match self.earlier()? {
            Some(EndsOf { batch: BatchRef::Id(batch), ends }) => (Some((batch, ends)), false),
            Some(EndsOf { batch: BatchRef::Last, ends }) => {
                (Some((BatchId::from_bytes([0; 10]), ends)), true)
            }
            None => (None, false),
        };
        let earlier = earlier.map(|(batch, ends)| tamer_model::Earlier { batch, ends });
        let selector = match self.selector {
            Some(text) => checked("selector", text)?,
            None => String::new(),
        };
        named("host", &self.host, "`tamerctl host ls` shows the names")?;
        let targets =
            TargetSpec { selector, hosts: self.host, instances, earlier, sample: self.sample };
        Ok(Meant { targets, last })
    }

    fn instances(&self) -> Result<Option<InstanceTerms>, Problem> {
        named("in", &self.r#in, "give an id, HOST/NAME, or a name that only one has")?;
        let chosen = self.instance_selector.clone().map(|text| checked("instance_selector", text));
        match (&self.having, chosen.transpose()?, self.on_instances()) {
            (Some(_), _, true) => {
                Err(Problem::field("having", "--having chooses hosts, and instances are meant")
                    .remedy("leave out --having, or say it of the instances: -i"))
            }
            (Some(text), _, false) => Ok(Some(InstanceTerms {
                selector: checked("having", text.clone())?,
                named: Vec::new(),
            })),
            (None, selector, true) => Ok(Some(InstanceTerms {
                selector: selector.unwrap_or_default(),
                named: self.r#in.clone(),
            })),
            (None, _, false) => Ok(None),
        }
    }

    fn earlier(&self) -> Result<Option<EndsOf>, Problem> {
        let of = |batch: Option<BatchRef>, ends: &[EndKind]| {
            batch.map(|batch| EndsOf { batch, ends: ends.to_vec() })
        };
        let said = [
            ("failed_of", of(self.failed_of, &EndKind::NOT_DONE)),
            ("never_started_of", of(self.never_started_of, &[EndKind::NeverStarted])),
            ("unreachable_of", of(self.unreachable_of, &[EndKind::Unreachable])),
            ("ends_of", self.ends_of.clone()),
        ];
        let mut said = said.into_iter().filter_map(|(field, ends)| Some((field, ends?)));
        match (said.next(), said.next()) {
            (None, _) => Ok(None),
            (Some((_, ends)), None) => Ok(Some(ends)),
            (Some((one, _)), Some((other, _))) => {
                Err(Problem::field(other, format!("{one} and {other} both choose by earlier ends"))
                    .remedy("name all the ends at once: --ends-of BATCH:failed,never-started"))
            }
        }
    }
}

fn checked(field: &str, text: String) -> Result<String, Problem> {
    if text.len() > MAX_SELECTOR_BYTES {
        let message = format!("the selector is longer than {MAX_SELECTOR_BYTES} bytes");
        return Err(Problem::field(field, message).remedy("say it shorter, or name the targets"));
    }
    text.parse::<Selector>().map(|_| text).map_err(|problem| problem.on(field))
}

fn named(field: &str, names: &[String], remedy: &str) -> Result<(), Problem> {
    match names.iter().any(String::is_empty) {
        true => Err(Problem::field(field, "a name is empty").remedy(remedy)),
        false => Ok(()),
    }
}
