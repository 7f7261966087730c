//! What flags and their file say together.

use std::path::PathBuf;

use tamer_model::{BatchSpec, Lease, Parse, Problem};

use super::draft::{Draft, checked, drawn, helped};
use super::file;
use super::flags::StepFlags;
use super::form::StepForm;
use super::rollout::RolloutArgs;
use super::step::{Deed, Step};
use super::targets::TargetArgs;
use super::task::TaskArgs;
use super::words::Span;

/// A batch on a command line: what `run` and a schedule ask for.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct What {
    /// Read the spec from a TOML or YAML file, `-` for standard input; flags say it over the file
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "the type says it, here and below")]
    pub targets: TargetArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "the type says it")]
    pub steps: StepFlags,
    /// Let the target's shell read the command: pipes, variables, wildcards
    #[arg(long)]
    pub shell: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "the type says it")]
    pub task: TaskArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "the type says it")]
    pub how: How,
    /// When it trips, run this where it had succeeded; the target's shell reads it
    #[arg(long, value_name = "COMMAND")]
    pub undo: Option<String>,
    /// Read what each prints as data, for `batch show --columns data.KEY`: json, lines, or kv
    /// (key=value)
    #[arg(long, value_name = "json|lines|kv")]
    pub parse: Option<Parse>,
    /// How long a host that has the command may stay lost before its end is given up
    /// [default: 10m]
    #[arg(long, value_name = "SPAN")]
    pub lost_wait: Option<Span>,
    /// Succeed when nothing is meant
    #[arg(long)]
    pub allow_empty: bool,
}

/// How a batch proceeds, with what it shares with other batches.
#[derive(Debug, Clone, PartialEq, Eq, Default, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "How it proceeds")]
pub struct How {
    #[command(flatten)]
    #[expect(missing_docs, reason = "the type says it")]
    pub rollout: RolloutArgs,
    /// Hold a place of a lease while a target is under way: of all batches that name it, no more
    /// than so many targets are; again for more
    #[arg(long, value_name = "NAME:PLACES")]
    pub lease: Vec<Lease>,
}

impl What {
    /// What the flags and their file say.
    pub fn draft(mut self) -> Result<Draft, Problem> {
        let Some((below, folder)) = self.file.as_deref().map(file::read).transpose()? else {
            return self.over(Vec::new());
        };
        let flags = self.task.clone();
        let of_file = |(at, form): (String, StepForm)| {
            let Step { deed, task: own } = form.step(&at, &folder)?;
            Ok::<_, Problem>(Step { deed, task: flags.clone().over(own).over(below.task.clone()) })
        };
        let steps = match self.steps.is_empty() {
            true => forms(below.action, below.steps)?
                .into_iter()
                .map(of_file)
                .collect::<Result<_, _>>()?,
            false => Vec::new(),
        };
        let undo = below.undo.map(|form| of_file(("undo".to_owned(), form))).transpose()?;
        self.task = self.task.over(below.task.clone());
        let flags = self.over(steps)?;
        Ok(Draft {
            targets: flags.targets.over(below.targets),
            steps: flags.steps,
            undo: flags.undo.or(undo),
            rollout: flags.rollout.over(below.rollout),
            leases: if flags.leases.is_empty() { below.lease } else { flags.leases },
            parse: flags.parse.or(below.parse),
            lost_wait: flags.lost_wait.or(below.lost_wait),
            allow_empty: flags.allow_empty || below.allow_empty,
        })
    }

    /// What the flags say, with the steps of a file where they name none.
    fn over(self, below: Vec<Step>) -> Result<Draft, Problem> {
        let Self { file: _, targets, steps, shell, task, how, undo, parse, lost_wait, allow_empty } =
            self;
        let steps = if below.is_empty() { steps.steps(shell, &task)? } else { below };
        let undo = undo.map(|text| Step { deed: Deed::Shell(text), task });
        let How { rollout, lease: leases } = how;
        Ok(Draft { targets, steps, undo, rollout, leases, parse, lost_wait, allow_empty })
    }
}

/// The steps of a file, each with what it is called there.
fn forms(
    action: Option<StepForm>,
    steps: Vec<StepForm>,
) -> Result<Vec<(String, StepForm)>, Problem> {
    match (action, steps.is_empty()) {
        (Some(action), true) => Ok(vec![("action".to_owned(), action)]),
        (Some(_), false) => Err(Problem::field("steps", "action and steps both say what is done")
            .remedy("write the action as one of the steps")),
        (None, _) => {
            let named = steps.into_iter().enumerate();
            Ok(named.map(|(at, form)| (format!("steps[{at}]"), form)).collect())
        }
    }
}

impl How {
    /// Says it of a batch.
    pub fn apply(self, spec: &mut BatchSpec) -> Result<(), Problem> {
        let Self { rollout, lease } = self;
        let seed = rollout.seed;
        spec.rollout = checked(rollout)?;
        spec.rollout.seed = seed.unwrap_or_else(|| drawn(spec));
        spec.leases = lease;
        *spec = spec.clone().validate().map_err(helped)?;
        Ok(())
    }
}
