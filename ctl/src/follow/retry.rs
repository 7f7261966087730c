//! Asking again while the coordinator cannot be reached.

use std::time::Duration;

use tamer_model::Problem;
use tokio::time::{Instant, sleep, timeout_at};

use crate::Session;
use crate::api::Api;
use crate::errors::{Failure, is_transient};

/// How long a lost coordinator is looked for.
pub const PATIENCE: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Pauses that grow, with jitter so that many callers do not come back at once, until patience
/// ends.
#[derive(Debug)]
pub struct Retry {
    until: Instant,
    pause: Duration,
}

impl Retry {
    /// Begins now.
    pub fn new() -> Self {
        Self { until: Instant::now() + PATIENCE, pause: FIRST_PAUSE }
    }

    /// How long to wait before the next attempt; `None` when it is time to give up.
    pub fn pause(&mut self) -> Option<Duration> {
        let pause = self.pause.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        (Instant::now() < self.until).then_some(pause)
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self::new()
    }
}

/// Asks again while the coordinator cannot be reached: for requests that may be asked twice.
pub async fn insist<T>(
    session: &Session,
    api: &mut Api,
    mut ask: impl AsyncFnMut(&mut Api) -> Result<T, Problem>,
) -> Result<T, Failure> {
    let mut retry = Retry::new();
    loop {
        let problem = match ask(api).await {
            Ok(answer) => return Ok(answer),
            Err(problem) if is_transient(problem.code) => problem,
            Err(problem) => return Err(problem.into()),
        };
        let Some(pause) = retry.pause() else { return Err(problem.into()) };
        sleep(pause).await;
        // A failed attempt is as good as a lost answer: the next one tells.
        if let Ok(Ok(fresh)) = timeout_at(retry.until, session.api()).await {
            *api = fresh;
        }
    }
}
