//! Changes of one workload that need no file: scale, restart, stop, start, revert, remove, balance.

use tamer_model::{
    Code, MAX_COPIES, Problem, Run, Timestamp, UserName, VersionCause, Workload, WorkloadName,
    WorkloadVersion,
};
use tamer_proto::{Required, wire};
use tamer_store::{Commit, CommitError, Revision};
use wire::change_workload_request::Change as Asked;

use super::versions;
use crate::control::{Asker, People};
use crate::state::{Unstorable, encode, keys};
use crate::{audit, clock};

/// What a person asks of a workload.
enum Change {
    Scale(u32),
    Restart,
    Stop,
    Start,
    Revert(Box<WorkloadVersion>),
    Remove,
    Rebalance,
}

/// What a change makes of a workload.
#[derive(Debug, PartialEq, Eq)]
enum Done {
    /// It is so already.
    Nothing,
    /// Only how it is kept changes.
    Kept,
    /// It is a new version.
    Version(VersionCause),
}

/// What the audit calls a request.
pub fn what(request: &wire::ChangeWorkloadRequest) -> &'static str {
    match &request.change {
        None => "workload.change",
        Some(Asked::Scale(_)) => "workload.scale",
        Some(Asked::Restart(_)) => "workload.restart",
        Some(Asked::Stop(_)) => "workload.stop",
        Some(Asked::Start(_)) => "workload.start",
        Some(Asked::Revert(_)) => "workload.revert",
        Some(Asked::Remove(_)) => "workload.rm",
        Some(Asked::Rebalance(_)) => "workload.rebalance",
    }
}

impl Change {
    fn detail(&self) -> String {
        match self {
            Self::Scale(copies) => format!("copies={copies}"),
            Self::Revert(version) => format!("version={}", version.version),
            Self::Restart | Self::Stop | Self::Start | Self::Remove | Self::Rebalance => {
                String::new()
            }
        }
    }

    fn make(&self, workload: &mut Workload, now: Timestamp) -> Result<Done, Problem> {
        let (spec, template) = (workload.spec.clone(), workload.template);
        if workload.removing {
            return match self {
                Self::Remove => Ok(Done::Nothing),
                Self::Scale(_)
                | Self::Restart
                | Self::Stop
                | Self::Start
                | Self::Revert(_)
                | Self::Rebalance => Err(removing(&spec.name)),
            };
        }
        match self {
            Self::Scale(copies) => {
                let spec = tamer_model::WorkloadSpec { run: scaled(spec.run, *copies)?, ..spec };
                if spec == workload.spec {
                    return Ok(Done::Nothing);
                }
                versions::advance(workload, spec, Some(template));
                Ok(Done::Version(VersionCause::Scaled))
            }
            Self::Restart => {
                versions::advance(workload, spec, None);
                Ok(Done::Version(VersionCause::Restarted))
            }
            Self::Revert(version) => {
                let to = version.version;
                if to == workload.version {
                    return Ok(Done::Nothing);
                }
                versions::advance(workload, version.spec.clone(), Some(version.template));
                // Who goes back ends an update that failed, also when its copies stay as they are.
                workload.update = None;
                Ok(Done::Version(VersionCause::Reverted { to }))
            }
            Self::Stop | Self::Start => {
                let stopped = matches!(self, Self::Stop);
                let changes = std::mem::replace(&mut workload.stopped, stopped) != stopped;
                Ok(if changes { Done::Kept } else { Done::Nothing })
            }
            Self::Remove => {
                workload.removing = true;
                Ok(Done::Kept)
            }
            Self::Rebalance => {
                workload.rebalance_at = Some(now);
                Ok(Done::Kept)
            }
        }
    }
}

impl People {
    pub(in crate::control) async fn change_workload(
        &self,
        asker: &Asker,
        request: wire::ChangeWorkloadRequest,
    ) -> Result<wire::WorkloadView, Problem> {
        let what = what(&request);
        let wire::ChangeWorkloadRequest { name, change, take_over } = request;
        let asked = change.required("change")?;
        let mut known = None;
        loop {
            let (mut workload, at) = self.find_workload(&name).await?;
            if workload.owner != asker.name {
                if !take_over {
                    return Err(of_another(&workload));
                }
                workload.owner = asker.name.clone();
            }
            if matches!(asked, Asked::Remove(_)) {
                self.refuse_company(&workload.spec.name)?;
            }
            let change = match known.take() {
                Some(change) => change,
                None => self.read_change(&workload, &asked).await?,
            };
            let now = clock::now();
            let done = change.make(&mut workload, now)?;
            if done == Done::Nothing {
                return self.view_workload(&name);
            }
            let commit = {
                let commit = changed(&workload, at, done, &asker.name, now);
                audit::done(commit, &asker.caller, what, &workload.spec.name, change.detail())
            };
            match self.store.commit(commit).await {
                Ok(revision) => {
                    self.workloads.reached(revision).await;
                    return self.view_workload(&name);
                }
                // Somebody was first; "the one before" stays the one that was meant.
                Err(CommitError::Conflict { .. }) => known = Some(change),
                Err(error) => return Err(error.problem()),
            }
        }
    }

    async fn read_change(&self, workload: &Workload, asked: &Asked) -> Result<Change, Problem> {
        Ok(match asked {
            Asked::Scale(copies) => Change::Scale(*copies),
            Asked::Restart(wire::Empty {}) => Change::Restart,
            Asked::Stop(wire::Empty {}) => Change::Stop,
            Asked::Start(wire::Empty {}) => Change::Start,
            Asked::Revert(version) => {
                let version = self.kept_version(workload, *version).await?;
                // What it went together with then may be gone.
                self.check_workloads(std::slice::from_ref(&version.spec))
                    .map_err(|problem| problem.on("revert"))?;
                Change::Revert(Box::new(version))
            }
            Asked::Remove(wire::Empty {}) => Change::Remove,
            Asked::Rebalance(wire::Empty {}) => Change::Rebalance,
        })
    }

    /// What others go together with cannot go first: their copies would have no place.
    fn refuse_company(&self, name: &WorkloadName) -> Result<(), Problem> {
        let all = self.all_workloads();
        let with = |other: &&std::sync::Arc<Workload>| {
            !other.removing && other.spec.with.iter().any(|one| one == name)
        };
        match all.iter().find(with) {
            Some(other) => {
                let message = format!("{} only goes where {name} is", other.spec.name);
                Err(Problem::new(Code::WrongState, message).on("name").remedy(format!(
                    "remove {} first, or take {name} out of its `with`",
                    other.spec.name
                )))
            }
            None => Ok(()),
        }
    }
}

/// The commit of a workload that was changed.
fn changed(workload: &Workload, at: Revision, done: Done, by: &UserName, now: Timestamp) -> Commit {
    let key = keys::workload(&workload.spec.name);
    let commit = Commit::new().modified_at(key.clone(), at).put(key, encode(workload));
    match done {
        Done::Version(cause) => versions::put(commit, workload, by.clone(), now, cause),
        Done::Kept | Done::Nothing => commit,
    }
}

fn scaled(run: Run, copies: u32) -> Result<Run, Problem> {
    let wrong = |message: &str, remedy: &str| {
        Err(Problem::new(Code::WrongState, message).on("scale").remedy(remedy))
    };
    match run {
        Run::Count(_) if copies > MAX_COPIES => {
            Err(Problem::field("scale", format!("{copies} copies, more than {MAX_COPIES}")))
        }
        Run::Count(_) => Ok(Run::Count(copies)),
        Run::EveryHost => {
            wrong("it runs once on every host that fits", "change its constraints instead")
        }
        Run::ToCompletion { .. } => {
            wrong("it runs to completion", "change completions or parallelism in its file")
        }
    }
}

fn removing(name: &WorkloadName) -> Problem {
    Problem::new(Code::WrongState, format!("{name} is being removed"))
        .on("name")
        .remedy("apply its file again to have it back")
}

fn of_another(workload: &Workload) -> Problem {
    let message = format!("{} is a workload of {}", workload.spec.name, workload.owner);
    Problem::new(Code::WrongState, message)
        .on("name")
        .remedy("ask them, or take it over with --take-over")
}
