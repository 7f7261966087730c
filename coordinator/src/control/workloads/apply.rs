//! Taking over a file of workloads: one commit, or nothing.

use tamer_model::{
    Code, MAX_FILE_WORKLOADS, Problem, Timestamp, UserName, VersionCause, Workload, WorkloadName,
    WorkloadSpec,
};
use tamer_proto::wire;
use tamer_store::{Commit, CommitError, Key, Revision};

use super::{check, document, versions};
use crate::batch::make::check_request;
use crate::control::{Asker, People};
use crate::state::{AppliedRecord, AppliedWorkload, Applying, Unstorable, decode, encode, keys};
use crate::{audit, clock};

/// The most workloads of a fleet: each is in the memory of the coordinator.
const MAX_WORKLOADS: usize = 10_000;
/// How often an apply is worked out anew because the controller or somebody else was first.
const TRIES: u32 = 16;

/// A record that has to be as it was read; none: nothing was there.
type Guard = (Key, Option<Revision>);

/// A workload as an apply makes it, or leaves it.
pub struct Next {
    pub what: Applying,
    /// As it is now, if it is there.
    pub before: Option<(Workload, Revision)>,
    /// As it shall be.
    pub after: Workload,
}

impl Next {
    /// What a document makes of what is there.
    pub fn of(
        spec: WorkloadSpec,
        before: Option<(Workload, Revision)>,
        by: &UserName,
        now: Timestamp,
    ) -> Self {
        let Some((old, at)) = before else {
            let after = Workload {
                spec,
                owner: by.clone(),
                created_at: now,
                version: 1,
                template: 1,
                stable: None,
                update: None,
                stopped: false,
                removing: false,
                rebalance_at: None,
            };
            return Self { what: Applying::Created, before: None, after };
        };
        let same_owner = old.owner == *by;
        let mut after = old.clone();
        let what = match old.spec == spec && !old.removing {
            true if same_owner => Applying::Unchanged,
            // Only its owner is another one: no new version of what runs.
            true => Applying::Changed,
            false => {
                let template = old.spec.same_template(&spec).then_some(old.template);
                versions::advance(&mut after, spec, template);
                Applying::Changed
            }
        };
        if what == Applying::Changed {
            after.owner = by.clone();
            // Who applies what is being removed wants it back.
            after.removing = false;
        }
        Self { what, before: Some((old, at)), after }
    }

    /// Whether the copies that run are made anew.
    pub fn replaces_copies(&self) -> bool {
        self.before.as_ref().is_some_and(|(old, _)| old.template != self.after.template)
    }
}

/// One commit holds to all of them, beside what it changes: as many of each as a file may have.
fn check_expected(expected: &[wire::ExpectedVersion]) -> Result<(), Problem> {
    if expected.len() <= MAX_FILE_WORKLOADS {
        return Ok(());
    }
    let message = format!("{} versions, more than {MAX_FILE_WORKLOADS}", expected.len());
    Err(Problem::field("expected", message).remedy("expect those alone that the file names"))
}

impl People {
    pub(in crate::control) async fn apply_workloads(
        &self,
        asker: &Asker,
        request: wire::ApplyWorkloadsRequest,
    ) -> Result<wire::ApplyWorkloadsResponse, Problem> {
        let wire::ApplyWorkloadsRequest { documents, take_over, expected, request_id } = request;
        check_request(&request_id)?;
        check_expected(&expected)?;
        if let Some(applied) = self.applied(&request_id).await? {
            return Ok(told(applied));
        }
        let specs = document::specs(&documents)?;
        self.check_workloads(&specs)?;
        for _ in 0..TRIES {
            let next = self.next(&specs, &asker.name).await?;
            let guards = self.expect_versions(&expected, &next).await?;
            if !take_over {
                next.iter().try_for_each(|next| owned(next, &asker.name))?;
            }
            let (commit, applied) = self.commit_of(asker, &next, guards, &request_id);
            if next.iter().all(|next| next.what == Applying::Unchanged) {
                return Ok(told(applied));
            }
            match self.store.commit(commit).await {
                Ok(revision) => {
                    self.workloads.reached(revision).await;
                    return Ok(told(applied));
                }
                // Somebody was first, or this is the same request twice at once.
                Err(CommitError::Conflict { .. }) => {
                    if let Some(applied) = self.applied(&request_id).await? {
                        return Ok(told(applied));
                    }
                }
                Err(error) => return Err(error.problem()),
            }
        }
        Err(Problem::new(Code::Conflict, "the workloads were changed again and again meanwhile")
            .remedy("look again and repeat the command"))
    }

    /// Checks specs among themselves and against what is there.
    pub(super) fn check_workloads(&self, specs: &[WorkloadSpec]) -> Result<(), Problem> {
        let there = self.all_workloads();
        let new = specs.iter().filter(|spec| there.iter().all(|old| old.spec.name != spec.name));
        if there.len() + new.count() > MAX_WORKLOADS {
            let message = format!("a fleet has at most {MAX_WORKLOADS} workloads");
            return Err(Problem::new(Code::Busy, message)
                .remedy("remove some that are done: `tamerctl workload ls` shows them"));
        }
        let there: Vec<_> =
            there.iter().filter(|old| !old.removing).map(|workload| &workload.spec).collect();
        check::check(specs, &there)
    }

    /// What each document makes of what is stored now.
    pub(super) async fn next(
        &self,
        specs: &[WorkloadSpec],
        by: &UserName,
    ) -> Result<Vec<Next>, Problem> {
        let now = clock::now();
        let mut all = Vec::with_capacity(specs.len());
        for spec in specs {
            let before = self.stored_workload(&spec.name).await?;
            all.push(Next::of(spec.clone(), before, by, now));
        }
        Ok(all)
    }

    /// The record of a workload.
    pub(super) async fn stored_workload(
        &self,
        name: &WorkloadName,
    ) -> Result<Option<(Workload, Revision)>, Problem> {
        let key = keys::workload(name);
        let entry = self.store.get(&key).await.map_err(Unstorable::problem)?;
        entry.map(|entry| Ok((decode(&key, &entry.value)?, entry.modified))).transpose()
    }

    async fn applied(&self, request_id: &str) -> Result<Option<AppliedRecord>, Problem> {
        let key = keys::applied(request_id);
        let entry = self.store.get(&key).await.map_err(Unstorable::problem)?;
        entry.map(|entry| decode(&key, &entry.value)).transpose()
    }

    /// Checks that workloads are at the versions that whoever applies has seen. Of those that `next`
    /// changes it is what `next` was made of that counts, since the commit holds to that; the others are
    /// returned, for the commit to hold to.
    async fn expect_versions(
        &self,
        expected: &[wire::ExpectedVersion],
        next: &[Next],
    ) -> Result<Vec<Guard>, Problem> {
        let mut guards = Vec::new();
        for wire::ExpectedVersion { workload, version } in expected {
            let name = super::name(workload)?;
            let changed = next.iter().find(|next| next.after.spec.name == name);
            let there = match changed {
                Some(next) => next.before.clone(),
                None => self.stored_workload(&name).await?,
            };
            if changed.is_none_or(|next| next.what == Applying::Unchanged) {
                guards.push((keys::workload(&name), there.as_ref().map(|(_, at)| *at)));
            }
            let there = there.map_or(0, |(found, _)| found.version);
            if there != *version {
                let message = format!("{name} is at version {there}, not {version}");
                return Err(Problem::new(Code::Conflict, message)
                    .on("expected")
                    .remedy("somebody else changed it: plan again, and apply what that shows"));
            }
        }
        Ok(guards)
    }

    fn commit_of(
        &self,
        asker: &Asker,
        next: &[Next],
        guards: Vec<Guard>,
        request_id: &str,
    ) -> (Commit, AppliedRecord) {
        let now = clock::now();
        let mut commit = Commit::new();
        for (key, at) in guards {
            commit = match at {
                Some(at) => commit.modified_at(key, at),
                None => commit.absent(key),
            };
        }
        for next in next.iter().filter(|next| next.what != Applying::Unchanged) {
            let key = keys::workload(&next.after.spec.name);
            commit = match &next.before {
                Some((_, at)) => commit.modified_at(key.clone(), *at),
                None => commit.absent(key.clone()),
            };
            commit = commit.put(key, encode(&next.after));
            let old = next.before.as_ref().map_or(0, |(old, _)| old.version);
            if next.after.version > old {
                commit = versions::put(
                    commit,
                    &next.after,
                    asker.name.clone(),
                    now,
                    VersionCause::Applied,
                );
            }
        }
        let one = |next: &Next| AppliedWorkload {
            name: next.after.spec.name.clone(),
            what: next.what,
            version: next.after.version,
        };
        let workloads: Vec<_> = next.iter().map(one).collect();
        let detail: Vec<_> = workloads
            .iter()
            .filter(|one| one.what != Applying::Unchanged)
            .map(|one| format!("{} {} version={}", one.name, one.what.as_str(), one.version))
            .collect();
        let on = match workloads.as_slice() {
            [one] => one.name.to_string(),
            many => format!("{} workloads", many.len()),
        };
        let applied = AppliedRecord { at: now, workloads };
        let key = keys::applied(request_id);
        let commit = commit.absent(key.clone()).put(key, encode(&applied));
        let commit = audit::done(commit, &asker.caller, "workload.apply", on, detail.join(", "));
        (commit, applied)
    }
}

fn owned(next: &Next, by: &UserName) -> Result<(), Problem> {
    match &next.before {
        Some((old, _)) if old.owner != *by => {
            let message = format!("{} is a workload of {}", old.spec.name, old.owner);
            Err(Problem::new(Code::AlreadyExists, message)
                .on("name")
                .remedy("choose another name, or take it over with --take-over"))
        }
        Some(_) | None => Ok(()),
    }
}

fn told(applied: AppliedRecord) -> wire::ApplyWorkloadsResponse {
    let one = |AppliedWorkload { name, what, version }| wire::AppliedWorkload {
        name: name.to_string(),
        what: what.as_str().to_owned(),
        version,
    };
    wire::ApplyWorkloadsResponse { workloads: applied.workloads.into_iter().map(one).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(rest: &str) -> WorkloadSpec {
        let text = format!(r#"{{"name":"web","provider":"docker",{rest}}}"#);
        serde_json::from_str(&text).expect("a spec")
    }

    fn user(name: &str) -> UserName {
        name.parse().expect("a name")
    }

    /// What follows when `then` is applied by `by` over `first` of ann.
    fn over(first: &str, then: &str, by: &str) -> (Applying, u32, u32) {
        let now = Timestamp::from_millis(1);
        let made = Next::of(spec(first), None, &user("ann"), now);
        assert_eq!((made.what, made.after.version, made.after.template), (Applying::Created, 1, 1));
        let before = Some((made.after, Revision::ZERO));
        let next = Next::of(spec(then), before, &user(by), now);
        assert_eq!(next.after.owner, user(by));
        assert_eq!(next.replaces_copies(), next.after.template != 1);
        (next.what, next.after.version, next.after.template)
    }

    #[test]
    fn only_what_copies_are_made_of_makes_them_anew() {
        let (one, two) = (r#""instance":{"image":"a"}"#, r#""instance":{"image":"b"}"#);
        let many = r#""instance":{"image":"a"},"run":{"count":5}"#;
        assert_eq!(over(one, one, "ann"), (Applying::Unchanged, 1, 1));
        assert_eq!(over(one, many, "ann"), (Applying::Changed, 2, 1));
        assert_eq!(over(one, two, "ann"), (Applying::Changed, 2, 2));
        assert_eq!(over(one, one, "bob"), (Applying::Changed, 1, 1));
    }

    #[test]
    fn applying_what_is_being_removed_brings_it_back() {
        let (now, ann) = (Timestamp::from_millis(1), user("ann"));
        let web = || spec(r#""instance":{"image":"a"}"#);
        let mut made = Next::of(web(), None, &ann, now).after;
        made.removing = true;
        let next = Next::of(web(), Some((made, Revision::ZERO)), &ann, now);
        assert_eq!(
            (next.what, next.after.removing, next.after.version),
            (Applying::Changed, false, 2)
        );
        assert_eq!(next.after.template, 1);
    }

    #[test]
    fn others_take_over_only_when_they_say_so() {
        let now = Timestamp::from_millis(1);
        let made = Next::of(spec(r#""instance":{"image":"a"}"#), None, &user("ann"), now);
        assert!(owned(&made, &user("bob")).is_ok());
        let before = Some((made.after.clone(), Revision::ZERO));
        let next = Next::of(made.after.spec, before, &user("bob"), now);
        assert!(owned(&next, &user("ann")).is_ok());
        let problem = owned(&next, &user("bob")).expect_err("it is of ann");
        assert_eq!(problem.code, Code::AlreadyExists);
    }
}
