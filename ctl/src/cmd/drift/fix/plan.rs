//! What is to be done about each finding: worked out, and asked about, before anything is done.

use tamer_drift::Kind;
use tamer_drift::finding::{Finding, Report};
use tamer_model::{
    Action, CommandSpec, CopyName, InstanceAction, InstanceTerms, Problem, TargetSpec,
};

use super::super::question::pick;
use super::mend::{Asked, Copies, Mend, mend};
use crate::api::{Api, BatchOrder, DriftQuestion};
use crate::contract::{FixPlan, Placement, PlannedMend, Preview, WorkloadPlan};
use crate::errors::is_transient;
use crate::spec::How;

/// How long a command may take on a host. A package may have to be fetched over a slow line; what
/// takes longer waits for somebody who is not there.
const LIMIT_MS: u64 = 15 * 60 * 1000;

/// What is to be done about one finding.
#[derive(Debug)]
pub struct Step {
    /// As it is told.
    pub told: PlannedMend,
    /// As it is done; none when nothing is.
    pub deed: Option<Deed>,
}

/// Something to do.
#[derive(Debug)]
pub enum Deed {
    /// A batch, held to the targets that were previewed.
    Batch(Box<BatchOrder>),
    /// The copies of a workload made anew.
    Restart(String),
}

/// The findings that are meant, each once: those with these ids, or all that the report has.
pub fn meant<'a>(report: &'a Report, ids: &[String]) -> Result<Vec<&'a Finding>, Problem> {
    if ids.is_empty() {
        return Ok(report.findings.iter().collect());
    }
    let mut found: Vec<&Finding> = Vec::new();
    for id in ids {
        let one = pick(report, id)?;
        if found.iter().all(|other| other.id != one.id) {
            found.push(one);
        }
    }
    Ok(found)
}

/// Works out what mends the findings of a report, and asks the coordinator what that would be.
pub async fn make(
    question: &DriftQuestion,
    ids: &[String],
    yes: bool,
    how: &How,
    api: &mut Api,
) -> Result<Vec<Step>, Problem> {
    let report = api.drift(question).await?.report;
    let findings = meant(&report, ids)?;
    let asked = Asked { named: !ids.is_empty(), yes };
    let copies = copies(&findings, api).await?;
    let mut steps: Vec<Step> = Vec::new();
    for finding in findings {
        let mut step = step(finding, mend(finding, &copies, asked), how)?;
        let restarted = |deed: &Option<Deed>| match deed {
            Some(Deed::Restart(name)) => Some(name.clone()),
            Some(Deed::Batch(_)) | None => None,
        };
        let again = restarted(&step.deed);
        if again.is_some() && steps.iter().any(|other| restarted(&other.deed) == again) {
            step.leave("the same as for a finding above".to_owned());
        }
        steps.push(foreseen(step, api).await?);
    }
    Ok(steps)
}

/// The copies of workloads, where a finding may be about one.
async fn copies(findings: &[&Finding], api: &mut Api) -> Result<Copies, Problem> {
    if findings.iter().all(|finding| finding.kind != Kind::Instance) {
        return Ok(Copies::default());
    }
    let named = |copy: Placement| {
        let (workload, id) = (copy.workload.parse().ok()?, copy.placement.parse().ok()?);
        let name = CopyName { workload, index: copy.index, id };
        Some((copy.host, name.to_string(), copy.workload))
    };
    Ok(Copies::of(api.placements("", "").await?.into_iter().filter_map(named)))
}

fn step(finding: &Finding, mend: Mend, how: &How) -> Result<Step, Problem> {
    let mut hosts: Vec<_> = finding.hosts.iter().map(|member| member.name.to_string()).collect();
    hosts.dedup();
    let mut told = PlannedMend {
        finding: finding.id.to_string(),
        title: finding.title.clone(),
        what: "none".to_owned(),
        commands: Vec::new(),
        action: None,
        workload: None,
        hosts,
        hosts_left_out: finding.hosts_left_out,
        why: None,
        preview: None,
        plan: None,
    };
    let order = match mend {
        Mend::Cannot { why } => {
            told.why = Some(why);
            return Ok(Step { told, deed: None });
        }
        Mend::Workload { name } => {
            told.what = "workload".to_owned();
            told.workload = Some(name.clone());
            return Ok(Step { told, deed: Some(Deed::Restart(name)) });
        }
        Mend::Commands { commands, rest } => {
            told.what = "commands".to_owned();
            told.why = rest;
            told.commands.clone_from(&commands);
            BatchOrder::new(action(commands), on_hosts(finding))
        }
        Mend::Instance { action, rest } => {
            told.what = "instance".to_owned();
            told.why = rest;
            told.action = Some(word(&action).to_owned());
            let removes = matches!(action, InstanceAction::Remove { .. });
            let mut order = BatchOrder::new(Action::Instance(action), instances(finding));
            order.spec.foreign = removes;
            order
        }
    };
    let mut order = order;
    how.clone().apply(&mut order.spec)?;
    Ok(Step { told, deed: Some(Deed::Batch(Box::new(order))) })
}

impl Step {
    /// Nothing is done about it after all.
    fn leave(&mut self, why: String) {
        self.told.what = "none".to_owned();
        self.told.why = Some(why);
        self.deed = None;
    }
}

/// Asks what it would be. What the coordinator does not take is not done, and told with its reason.
async fn foreseen(mut step: Step, api: &mut Api) -> Result<Step, Problem> {
    let refused = match &mut step.deed {
        None => None,
        Some(Deed::Batch(order)) => match api.preview_batch(order).await {
            Ok(preview) => {
                order.expect_targets.clone_from(&preview.fingerprint);
                step.told.preview = Some(preview);
                None
            }
            Err(problem) => Some(problem),
        },
        Some(Deed::Restart(name)) => match planned(name, api).await {
            Ok(plan) => {
                step.told.plan = Some(plan);
                None
            }
            Err(problem) => Some(problem),
        },
    };
    match refused {
        None => Ok(step),
        Some(problem) if is_transient(problem.code) => Err(problem),
        Some(problem) => {
            step.leave(problem.message);
            Ok(step)
        }
    }
}

/// What applying a workload as it is would do.
async fn planned(name: &str, api: &mut Api) -> Result<WorkloadPlan, Problem> {
    let spec = api.workload(name).await?.spec;
    api.plan_workloads(&[spec.to_string()]).await
}

fn action(commands: Vec<Vec<String>>) -> Action {
    let command = |argv: Vec<String>| {
        let mut spec = CommandSpec::new(argv);
        spec.timeout_ms = Some(LIMIT_MS);
        // Nobody is there whom a package could ask.
        spec.env.insert("DEBIAN_FRONTEND".to_owned(), "noninteractive".to_owned());
        Action::Command(spec)
    };
    let mut all: Vec<_> = commands.into_iter().map(command).collect();
    match all.len() {
        1 => all.remove(0),
        _ => Action::Sequence(all),
    }
}

fn on_hosts(finding: &Finding) -> TargetSpec {
    let mut hosts: Vec<_> = finding.hosts.iter().map(|member| member.host.to_string()).collect();
    hosts.dedup();
    TargetSpec { hosts, ..TargetSpec::default() }
}

fn instances(finding: &Finding) -> TargetSpec {
    let named = finding.hosts.iter().map(|member| format!("{}/{}", member.name, finding.name));
    // Two technologies of a host may each have one of this name.
    let selector = format!("provider={}", finding.source);
    let instances = Some(InstanceTerms { selector, named: named.collect() });
    TargetSpec { instances, ..TargetSpec::default() }
}

fn word(action: &InstanceAction) -> &'static str {
    match action {
        InstanceAction::Start => "start",
        InstanceAction::Stop { .. } => "stop",
        InstanceAction::Restart { .. } => "restart",
        InstanceAction::Pause => "pause",
        InstanceAction::Resume => "resume",
        InstanceAction::Remove { .. } => "remove",
        InstanceAction::CheckpointCreate { .. }
        | InstanceAction::CheckpointRestore { .. }
        | InstanceAction::CheckpointRemove { .. } => "checkpoint",
    }
}

/// All of it, for scripts.
pub fn document(steps: &[Step]) -> FixPlan {
    FixPlan { mends: steps.iter().map(|step| step.told.clone()).collect() }
}

/// What a preview says besides what is done.
pub fn counted(preview: &Preview, told: &PlannedMend) -> String {
    preview.on_one_line(if told.action.is_some() { "instance" } else { "host" })
}
