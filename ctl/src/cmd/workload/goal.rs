//! Waiting until workloads are as they should be.

use futures_util::future;
use futures_util::stream::{self, StreamExt};
use serde::Serialize;
use tamer_model::{Code, Problem};

use crate::Session;
use crate::api::{Api, Views};
use crate::cmd::follow::{Story, Wait, follow};
use crate::contract::WorkloadDetail;
use crate::errors::Failure;
use crate::output::{Line, Tone, human};
use crate::view::escape;

/// A workload that is waited for.
#[derive(Debug, Clone)]
pub struct Goal {
    /// Which.
    pub workload: String,
    /// From this version on; a later one is somebody else's.
    pub version: u32,
    /// What it shall come to.
    pub until: Until,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// All copies are there and well, or done.
    Well,
    /// No copy runs any more.
    Stopped,
    /// It is gone.
    Gone,
}

/// How it came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Which workload.
    pub workload: String,
    /// `well`, `stopped`, `gone`, `failed` or `superseded`.
    pub outcome: &'static str,
    /// Why it failed, or what came in between.
    pub reason: Option<String>,
}

/// Several goals that are followed together: at most as many as one apply has workloads.
#[derive(Debug)]
struct Goals {
    all: Vec<(Goal, Standing)>,
}

#[derive(Debug)]
enum Standing {
    Unknown,
    Under(Box<WorkloadDetail>),
    Over(Outcome),
}

/// Follows `goals` until each has come out one way or the other.
pub async fn reach(
    goals: Vec<Goal>,
    wait: Wait,
    api: &Api,
    session: &Session,
) -> Result<Vec<Outcome>, Failure> {
    let all = goals.into_iter().map(|goal| (goal, Standing::Unknown)).collect();
    let mut goals = Goals { all };
    follow(&mut goals, wait, api.clone(), session).await?;
    let mut outcomes = Vec::new();
    for (goal, standing) in goals.all {
        if let Standing::Over(mut outcome) = standing {
            explain(&goal, &mut outcome, &mut api.clone()).await;
            outcomes.push(outcome);
        }
    }
    Ok(outcomes)
}

/// One line for each, the failures in red.
pub fn lines(outcomes: &[Outcome]) -> Vec<Line> {
    let line = |outcome: &Outcome| {
        let tone = if outcome.is_good() { Tone::Good } else { Tone::Bad };
        let reason = outcome.reason.as_deref().map(escape::text);
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        Line::plain(format!("{} ", escape::text(&outcome.workload)))
            .and(tone, outcome.words())
            .and(Tone::Plain, reason)
    };
    outcomes.iter().map(line).collect()
}

/// The exit code that they make together.
pub fn ended(outcomes: &[Outcome]) -> Result<(), Failure> {
    match outcomes.iter().all(Outcome::is_good) {
        true => Ok(()),
        false => Err(Failure::Targets),
    }
}

/// What came in between is in the history: an update that failed and went back by itself above all.
/// When nobody tells, the version alone is told.
async fn explain(goal: &Goal, outcome: &mut Outcome, api: &mut Api) {
    if outcome.outcome != "superseded" {
        return;
    }
    let Ok(versions) = api.workload_versions(&goal.workload).await else { return };
    let next = versions.iter().find(|version| version.version == goal.version + 1);
    if let Some(next) = next {
        outcome.reason = Some(format!("version {}: {}", next.version, next.cause));
    }
}

impl Outcome {
    fn new(goal: &Goal, outcome: &'static str, reason: Option<String>) -> Self {
        Self { workload: goal.workload.clone(), outcome, reason }
    }

    fn is_good(&self) -> bool {
        matches!(self.outcome, "well" | "stopped" | "gone")
    }

    fn words(&self) -> &'static str {
        match self.outcome {
            "well" => "is as it should be",
            "stopped" => "is stopped",
            "gone" => "is removed",
            "superseded" => "was changed meanwhile",
            // "failed"; there are no others.
            _ => "failed",
        }
    }
}

/// How a goal came out, as far as the workload says that it did.
fn judge(goal: &Goal, view: &WorkloadDetail) -> Option<Outcome> {
    let workload = &view.workload;
    let over = |outcome, reason: Option<String>| Some(Outcome::new(goal, outcome, reason));
    if workload.version > goal.version {
        return over("superseded", Some(format!("it has version {} now", workload.version)));
    }
    let failed = view.update.as_ref().filter(|update| update.stage == "failed");
    if goal.until == Until::Well && (workload.state == "failed" || failed.is_some()) {
        let reason = failed.and_then(|update| update.reason.clone());
        return over("failed", reason.or_else(|| workload.reason.clone()));
    }
    let copies = &workload.copies;
    let runs = copies.running + copies.starting + copies.stopping > 0;
    match (goal.until, workload.state.as_str()) {
        (Until::Well, "done") => over("well", None),
        (Until::Well, "running") => {
            // None is missing, and none is left that is too many.
            let settled = view.update.is_none()
                && copies.well >= copies.wanted
                && copies.running <= copies.wanted
                && copies.stopping == 0;
            settled.then(|| Outcome::new(goal, "well", None))
        }
        (Until::Well | Until::Stopped, "stopped") if !runs => over("stopped", None),
        (Until::Well | Until::Stopped, "removing") => {
            over("superseded", Some("it is being removed".to_owned()))
        }
        (Until::Well | Until::Stopped | Until::Gone, _) => None,
    }
}

impl Story for Goals {
    type Event = (usize, Option<WorkloadDetail>);

    async fn open(&mut self, api: &mut Api) -> Result<Views<Self::Event>, Problem> {
        let mut views = Vec::new();
        for (at, (goal, standing)) in self.all.iter().enumerate() {
            if matches!(standing, Standing::Over(_)) {
                continue;
            }
            views.push(match api.watch_workload(&goal.workload).await {
                Ok(watch) => events(at, watch),
                Err(problem) => {
                    let told = told(at, Err(problem))?;
                    stream::iter([Ok(told)]).chain(stream::pending()).boxed()
                }
            });
        }
        Ok(stream::select_all(views).boxed())
    }

    fn take(&mut self, (at, view): Self::Event) -> Result<(), Problem> {
        let Some((goal, standing)) = self.all.get_mut(at) else { return Ok(()) };
        if matches!(standing, Standing::Over(_)) {
            return Ok(());
        }
        *standing = match (view, goal.until) {
            (None, Until::Gone) => Standing::Over(Outcome::new(goal, "gone", None)),
            (None, Until::Well | Until::Stopped) => {
                let reason = Some("it was removed".to_owned());
                Standing::Over(Outcome::new(goal, "superseded", reason))
            }
            (Some(view), _) => match judge(goal, &view) {
                Some(outcome) => Standing::Over(outcome),
                None => Standing::Under(Box::new(view)),
            },
        };
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.all.iter().all(|(_, standing)| matches!(standing, Standing::Over(_)))
    }

    fn line(&self) -> String {
        let waiting = self.all.iter().filter_map(|(_, standing)| match standing {
            Standing::Under(view) => Some(stand(view)),
            Standing::Unknown | Standing::Over(_) => None,
        });
        let waiting: Vec<_> = waiting.collect();
        let Some(first) = waiting.first() else { return String::new() };
        let more = match waiting.len() - 1 {
            0 => String::new(),
            more => format!("  (and {} more)", human::count(more, "workload")),
        };
        format!("{first}{more}")
    }

    fn elsewhere(&self) -> String {
        let waiting = self.all.iter().find(|(_, standing)| !matches!(standing, Standing::Over(_)));
        let name = waiting.map_or("NAME", |(goal, _)| goal.workload.as_str());
        format!("it goes on; see how: `tamerctl workload show {name} --watch`")
    }
}

/// What is told of one workload, without end: of one that is gone nothing comes after that.
fn events(at: usize, watch: Views<WorkloadDetail>) -> Views<(usize, Option<WorkloadDetail>)> {
    let ended = || Problem::new(Code::Unreachable, "the coordinator ended the watch");
    let events = watch.chain(stream::once(async move { Err(ended()) }));
    let events = events.map(move |view| told(at, view)).scan(false, |gone, event| {
        let over = std::mem::replace(gone, matches!(event, Ok((_, None))));
        async move { if over { future::pending().await } else { Some(event) } }
    });
    events.boxed()
}

/// A workload that is not there is told as none.
fn told(
    at: usize,
    view: Result<WorkloadDetail, Problem>,
) -> Result<(usize, Option<WorkloadDetail>), Problem> {
    match view {
        Ok(view) => Ok((at, Some(view))),
        Err(problem) if problem.code == Code::NotFound => Ok((at, None)),
        Err(problem) => Err(problem),
    }
}

/// How a workload stands, on one line: `web: rolling, 2 of 6 replaced; 5 of 6 well, 1 starting`.
pub fn stand(view: &WorkloadDetail) -> String {
    let workload = &view.workload;
    let name = escape::text(&workload.workload);
    let copies = super::copies(&workload.copies);
    let reason = match &workload.reason {
        Some(reason) => format!(" ({})", escape::text(reason)),
        None => String::new(),
    };
    match &view.update {
        Some(update) => {
            let stage = escape::text(&update.stage);
            format!(
                "{name}: {stage}, {} of {} replaced; {copies}{reason}",
                update.replaced, update.total
            )
        }
        None => format!("{name}: {}, {copies}{reason}", escape::text(&workload.state)),
    }
}

#[cfg(test)]
mod tests;
