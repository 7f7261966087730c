//! The coordinator's `Schedules` service.

use tamer_model::{BatchSpec, Problem};
use tamer_proto::wire;
use tamer_schedule::Timing;

use super::{Api, answer};
use crate::contract::Schedule;

impl Api {
    /// Makes a schedule.
    pub async fn create_schedule(
        &mut self,
        name: &str,
        spec: BatchSpec,
        timing: Timing,
    ) -> Result<Schedule, Problem> {
        let request = wire::CreateScheduleRequest {
            name: name.to_owned(),
            spec: Some(spec.into()),
            timing: Some(timing.into()),
        };
        answer(self.schedules.create_schedule(request).await)?.try_into()
    }

    /// All schedules, by name.
    pub async fn schedules(&mut self) -> Result<Vec<Schedule>, Problem> {
        let listed = answer(self.schedules.list_schedules(wire::ListSchedulesRequest {}).await)?;
        listed.schedules.into_iter().map(Schedule::try_from).collect()
    }

    /// One schedule.
    pub async fn schedule(&mut self, name: &str) -> Result<Schedule, Problem> {
        let request = wire::GetScheduleRequest { name: name.to_owned() };
        answer(self.schedules.get_schedule(request).await)?.try_into()
    }

    /// Lets a schedule be, or lets it go on.
    pub async fn enable_schedule(
        &mut self,
        name: &str,
        enabled: bool,
    ) -> Result<Schedule, Problem> {
        let request = wire::SetScheduleEnabledRequest { name: name.to_owned(), enabled };
        answer(self.schedules.set_schedule_enabled(request).await)?.try_into()
    }

    /// Removes a schedule; what it has begun goes on.
    pub async fn remove_schedule(&mut self, name: &str) -> Result<(), Problem> {
        let request = wire::RemoveScheduleRequest { name: name.to_owned() };
        answer(self.schedules.remove_schedule(request).await).map(drop)
    }

    /// Makes the batch of a schedule now. What it draws makes it the same request when it is asked
    /// again.
    pub async fn run_schedule(
        &mut self,
        name: &str,
        outside_window: bool,
    ) -> Result<Schedule, Problem> {
        let request_id = format!("{:032x}", fastrand::u128(..));
        let name = name.to_owned();
        let request = wire::RunScheduleNowRequest { name, outside_window, request_id };
        answer(self.schedules.run_schedule_now(request).await)?.try_into()
    }
}
