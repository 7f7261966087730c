//! Schedules: made, listed, enabled, run by hand, removed.

mod show;

use tamer_model::{BatchSpec, Code, Origin, Problem, ScheduleName};
use tamer_proto::wire::schedules_server::Schedules;
use tamer_proto::{Required, status_of, wire};
use tamer_schedule::{Opening, Overlap, Timing};
use tamer_store::{Commit, CommitError, Range, Revision};
use tonic::{Request, Response, Status};

use super::{Asker, People};
use crate::batch::Order;
use crate::batch::make::By;
use crate::schedules::{Earlier, MAX_SCHEDULES, Schedule};
use crate::state::{Unstorable, decode, encode, keys};
use crate::{audit, clock};

/// Targets of a fleet that may come to be: a rollout that fits these is not wrong by itself.
const MANY: u32 = 1_000_000;

#[tonic::async_trait]
impl Schedules for People {
    async fn create_schedule(
        &self,
        request: Request<wire::CreateScheduleRequest>,
    ) -> Result<Response<wire::Schedule>, Status> {
        let asker = Self::asker(&request)?;
        let request = request.into_inner();
        let on = request.name.clone();
        self.answer(&asker, "schedule.create", &on, self.make_schedule(&asker, request).await)
    }

    async fn list_schedules(
        &self,
        _: Request<wire::ListSchedulesRequest>,
    ) -> Result<Response<wire::ListSchedulesResponse>, Status> {
        self.schedules().await.map(Response::new).map_err(status_of)
    }

    async fn get_schedule(
        &self,
        request: Request<wire::GetScheduleRequest>,
    ) -> Result<Response<wire::Schedule>, Status> {
        let name = request.into_inner().name;
        let (schedule, _) = self.find_schedule(&name).await.map_err(status_of)?;
        Ok(Response::new(show::whole(schedule, clock::now())))
    }

    async fn set_schedule_enabled(
        &self,
        request: Request<wire::SetScheduleEnabledRequest>,
    ) -> Result<Response<wire::Schedule>, Status> {
        let asker = Self::asker(&request)?;
        let wire::SetScheduleEnabledRequest { name, enabled } = request.into_inner();
        let what = if enabled { "schedule.enable" } else { "schedule.disable" };
        let done = self.enable_schedule(&asker, &name, enabled, what).await;
        self.answer(&asker, what, &name, done)
    }

    async fn remove_schedule(
        &self,
        request: Request<wire::RemoveScheduleRequest>,
    ) -> Result<Response<wire::RemoveScheduleResponse>, Status> {
        let asker = Self::asker(&request)?;
        let name = request.into_inner().name;
        self.answer(&asker, "schedule.rm", &name, self.drop_schedule(&asker, &name).await)
    }

    async fn run_schedule_now(
        &self,
        request: Request<wire::RunScheduleNowRequest>,
    ) -> Result<Response<wire::Schedule>, Status> {
        let asker = Self::asker(&request)?;
        let request = request.into_inner();
        let on = request.name.clone();
        self.answer(&asker, "schedule.run", &on, self.run_schedule(&asker, request).await)
    }
}

impl People {
    async fn make_schedule(
        &self,
        asker: &Asker,
        request: wire::CreateScheduleRequest,
    ) -> Result<wire::Schedule, Problem> {
        let wire::CreateScheduleRequest { name, spec, timing } = request;
        let name = read_name(&name)?;
        let timing = Timing::try_from(timing.required("timing")?)?;
        let spec = BatchSpec::try_from(spec.required("spec")?)?;
        let now = clock::now();
        timing.check(&name, now)?;
        self.check_spec(&spec).await?;
        if self.read_schedules().await?.len() >= MAX_SCHEDULES {
            let message = format!("there are {MAX_SCHEDULES} schedules already");
            return Err(Problem::new(Code::Busy, message)
                .remedy("remove some that are done: `tamerctl schedule ls` shows them"));
        }
        let schedule = Schedule::new(name, spec, timing, asker.name.clone(), now);
        let record = encode(&schedule);
        // What it will remember of its past has room, too.
        if record.len() > tamer_store::MAX_VALUE / 2 {
            let message = "it names more hosts than a schedule can keep";
            return Err(Problem::field("spec", message).remedy("select them by a label"));
        }
        let key = keys::schedule(&schedule.name);
        let commit = Commit::new().absent(key.clone()).put(key, record);
        let detail = show::timing_in_words(&schedule.timing);
        let commit = audit::done(commit, &asker.caller, "schedule.create", &schedule.name, detail);
        match self.store.commit(commit).await {
            Ok(_) => Ok(show::whole(schedule, now)),
            Err(CommitError::Conflict { .. }) => {
                let message = format!("there is a schedule {} already", schedule.name);
                Err(Problem::new(Code::AlreadyExists, message)
                    .on("name")
                    .remedy("choose another name, or remove that one by `tamerctl schedule rm`"))
            }
            Err(error) => Err(error.problem()),
        }
    }

    /// Refuses what `CreateBatch` would refuse; only, nothing has to fit its targets yet.
    async fn check_spec(&self, spec: &BatchSpec) -> Result<(), Problem> {
        spec.rollout.check(MANY)?;
        match self.maker().preview(spec).await {
            Ok(_) => Ok(()),
            Err(problem) if problem.code == Code::SelectionEmpty => Ok(()),
            Err(problem) => Err(problem),
        }
    }

    async fn schedules(&self) -> Result<wire::ListSchedulesResponse, Problem> {
        let now = clock::now();
        let all = self.read_schedules().await?;
        Ok(wire::ListSchedulesResponse {
            schedules: all.into_iter().map(|schedule| show::brief(schedule, now)).collect(),
        })
    }

    /// All schedules, by name.
    async fn read_schedules(&self) -> Result<Vec<Schedule>, Problem> {
        let mut all = Vec::new();
        let mut next = Some(Range::prefix(&keys::schedules()));
        while let Some(range) = next {
            let page = self.store.range(range).await.map_err(Unstorable::problem)?;
            for entry in &page.entries {
                all.push(decode(&entry.key, &entry.value)?);
            }
            next = page.next;
        }
        Ok(all)
    }

    async fn find_schedule(&self, name: &str) -> Result<(Schedule, Revision), Problem> {
        let unknown = || {
            Problem::new(Code::NotFound, format!("there is no schedule {name:?}"))
                .on("name")
                .remedy("`tamerctl schedule ls` lists them")
        };
        let key = keys::schedule(&name.parse().map_err(|_| unknown())?);
        let entry = self.store.get(&key).await.map_err(Unstorable::problem)?;
        let entry = entry.ok_or_else(unknown)?;
        Ok((decode(&key, &entry.value)?, entry.modified))
    }

    async fn enable_schedule(
        &self,
        asker: &Asker,
        name: &str,
        enabled: bool,
        what: &str,
    ) -> Result<wire::Schedule, Problem> {
        loop {
            let (mut schedule, at) = self.find_schedule(name).await?;
            let now = clock::now();
            if schedule.enabled == enabled {
                return Ok(show::whole(schedule, now));
            }
            if enabled {
                schedule.timing.check(&schedule.name, now)?;
            }
            schedule.enable(enabled, now);
            let commit = self.changed(asker, &schedule, at, what, "");
            match self.store.commit(commit).await {
                Ok(_) => return Ok(show::whole(schedule, now)),
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(error.problem()),
            }
        }
    }

    async fn drop_schedule(
        &self,
        asker: &Asker,
        name: &str,
    ) -> Result<wire::RemoveScheduleResponse, Problem> {
        loop {
            let (schedule, _) = self.find_schedule(name).await?;
            let key = keys::schedule(&schedule.name);
            let commit = Commit::new().exists(key.clone()).delete(key);
            let commit = audit::done(commit, &asker.caller, "schedule.rm", &schedule.name, "");
            match self.store.commit(commit).await {
                Ok(_) => return Ok(wire::RemoveScheduleResponse {}),
                // Somebody was first: the next look says so.
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(error.problem()),
            }
        }
    }

    /// Makes its batch now. Its window and its overlap policy hold for a person, too.
    async fn run_schedule(
        &self,
        asker: &Asker,
        request: wire::RunScheduleNowRequest,
    ) -> Result<wire::Schedule, Problem> {
        let wire::RunScheduleNowRequest { name, outside_window, request_id } = request;
        let (schedule, _) = self.find_schedule(&name).await?;
        let now = clock::now();
        let closes = match schedule.timing.opening(now) {
            Opening::Always => None,
            Opening::Until(closes) => Some(closes),
            Opening::Closed if outside_window => None,
            Opening::Closed => return Err(closed(&schedule)),
        };
        let again = self.maker().requested(&request_id).await?.is_some();
        if schedule.timing.overlap != Overlap::Allow
            && !again
            && let Some(earlier) = Earlier::of(&self.store, &schedule).await?
        {
            let message = format!("{} of this schedule has not ended", earlier.id());
            return Err(Problem::new(Code::WrongState, message)
                .remedy(format!("wait, or `tamerctl batch cancel {}`", earlier.id())));
        }
        let origin = Some(Origin::Schedule { name: schedule.name.clone(), due: now });
        let order = Order { origin, request_id, ..schedule.order(now, closes, now) };
        let (who, from) = (asker.caller.who(), asker.caller.from.to_string());
        let by = By { name: asker.name.clone(), who, from };
        let batch = self.maker().create(order, &by).await?;
        loop {
            let (mut schedule, at) = self.find_schedule(&name).await?;
            schedule.ran(batch.id, now);
            let detail = format!("batch={}", batch.id);
            let commit = self.changed(asker, &schedule, at, "schedule.run", &detail);
            match self.store.commit(commit).await {
                Ok(_) => return Ok(show::whole(schedule, now)),
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(error.problem()),
            }
        }
    }

    /// The commit of a change that a person asked for.
    fn changed(
        &self,
        asker: &Asker,
        schedule: &Schedule,
        at: Revision,
        what: &str,
        detail: &str,
    ) -> Commit {
        let key = keys::schedule(&schedule.name);
        let commit = Commit::new().modified_at(key.clone(), at).put(key, encode(schedule));
        audit::done(commit, &asker.caller, what, &schedule.name, detail)
    }
}

fn read_name(text: &str) -> Result<ScheduleName, Problem> {
    text.parse().map_err(|error: tamer_model::InvalidName| {
        Problem::field("name", error.to_string()).remedy("choose a name as in nightly-patches")
    })
}

fn closed(schedule: &Schedule) -> Problem {
    let window = schedule.timing.window.as_ref().map(ToString::to_string).unwrap_or_default();
    let message = format!("the window of {} is closed: {window}", schedule.name);
    Problem::new(Code::WrongState, message)
        .remedy("wait until it opens; --outside-window runs it all the same")
}
