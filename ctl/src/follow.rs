//! Following a batch to its end. The batch belongs to the coordinator: a lost connection is made
//! again and nothing is shown twice; the first Ctrl-C cancels the batch, the second one leaves.

use std::time::Duration;

use tamer_model::{Code, Problem};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout_at};

use crate::Session;
use crate::api::{Api, BatchEvent, BatchEvents};
use crate::contract::Batch;
use crate::errors::{Failure, is_transient};
use crate::platform::{Stop, interrupts};
use crate::view::{Board, View};

/// How often the picture is drawn at most.
const FRAME: Duration = Duration::from_millis(100);
/// How long a lost coordinator is looked for.
const PATIENCE: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Follows one batch.
#[derive(Debug)]
pub struct Follower<'a> {
    session: &'a Session,
    id: String,
    stop: Stop,
    board: Board,
    view: View,
    /// Whether the user asked for the end, and whether the coordinator knows.
    cancel: Cancel,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cancel {
    No,
    Wanted,
    Told,
}

#[expect(clippy::large_enum_variant, reason = "one at a time, on the stack, and most are events")]
enum Next {
    Event(Result<Option<BatchEvent>, Problem>),
    Draw,
    Stop,
}

impl<'a> Follower<'a> {
    /// Will follow the batch `id` and show it in `view`. Ctrl-C is taken over from here on.
    pub fn new(session: &'a Session, id: String, view: View) -> Result<Self, Failure> {
        let (board, cancel) = (Board::default(), Cancel::No);
        Ok(Self { session, id, stop: interrupts()?, board, view, cancel })
    }

    /// Follows until the end; returns the batch as it ended, and the view.
    pub async fn run(mut self, mut api: Api) -> Result<(Batch, View), Failure> {
        loop {
            let lost = match self.watch(&mut api).await {
                Ok(()) => break,
                Err(Failure::Problem(problem)) if is_transient(problem.code) => problem,
                Err(other) => {
                    self.view.clear()?;
                    return Err(other);
                }
            };
            let remark = "lost the coordinator; the batch goes on without us; trying again …";
            self.view.note(remark)?;
            api = self.again(lost).await?;
        }
        self.fill_in(&mut api).await?;
        match self.board.batch() {
            Some(batch) => Ok((batch.clone(), self.view)),
            None => Err(Problem::new(Code::Internal, "a batch ended untold").into()),
        }
    }

    /// Follows over one connection until the batch has ended.
    async fn watch(&mut self, api: &mut Api) -> Result<(), Failure> {
        self.tell_cancel(api).await?;
        let mut events = api.watch_batch(&self.id, self.view.needs_output()).await?;
        let mut frames = interval(FRAME);
        frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.board.is_over() {
            match next(&mut events, &mut self.stop, &mut frames).await {
                Next::Event(Ok(Some(event))) => {
                    let changes = self.board.apply(event);
                    self.view.show(changes)?;
                }
                Next::Event(Ok(None)) => {
                    return Err(Problem::new(Code::Unreachable, "the coordinator went away").into());
                }
                Next::Event(Err(problem)) => return Err(problem.into()),
                Next::Draw => self.view.draw(&self.board)?,
                Next::Stop => {
                    self.ask_cancel()?;
                    self.tell_cancel(api).await?;
                }
            }
            // The batch of a fast watch is told before its tasks: those come until the stream ends.
            if self.board.is_over() && !self.board.is_complete() {
                self.drain(&mut events).await?;
            }
        }
        Ok(())
    }

    /// Takes what is left of a batch that has ended.
    async fn drain(&mut self, events: &mut BatchEvents) -> Result<(), Failure> {
        while let Some(event) = events.next().await? {
            let changes = self.board.apply(event);
            self.view.show(changes)?;
        }
        Ok(())
    }

    /// Asks for the ends that no event told, so that a summary never misses one.
    async fn fill_in(&mut self, api: &mut Api) -> Result<(), Failure> {
        if self.board.is_complete() || !self.view.needs_output() {
            return Ok(());
        }
        for task in api.tasks(&self.id, "", true).await? {
            let changes = self.board.apply(BatchEvent::Task(task));
            self.view.show(changes)?;
        }
        Ok(())
    }

    fn ask_cancel(&mut self) -> Result<(), Failure> {
        let id = &self.id;
        if self.cancel != Cancel::No {
            self.view.clear()?;
            let message = format!("left while {id} is being cancelled");
            let remedy = format!("see how it ends: `tamerctl batch watch {id}`");
            return Err(Problem::new(Code::WrongState, message).remedy(remedy).into());
        }
        self.cancel = Cancel::Wanted;
        self.view.note(&format!("cancelling {id}; press Ctrl-C again to leave at once"))?;
        Ok(())
    }

    async fn tell_cancel(&mut self, api: &mut Api) -> Result<(), Failure> {
        if self.cancel == Cancel::Wanted {
            match api.cancel_batch(&self.id).await {
                Ok(_) => {}
                // It ended before it could be cancelled; the watch tells how.
                Err(problem) if problem.code == Code::WrongState => {}
                Err(problem) => return Err(problem.into()),
            }
            self.cancel = Cancel::Told;
        }
        Ok(())
    }

    /// Connects again, however often it takes, for as long as one waits for a restart.
    async fn again(&mut self, mut last: Problem) -> Result<Api, Failure> {
        let mut retry = Retry::new();
        while let Some(pause) = retry.pause() {
            tokio::select! {
                () = sleep(pause) => {}
                () = self.stop.next() => {
                    self.ask_cancel()?;
                    continue;
                }
            }
            match self.session.api().await {
                Ok(api) => {
                    self.view.note("connected again")?;
                    return Ok(api);
                }
                Err(Failure::Problem(problem)) if is_transient(problem.code) => last = problem,
                Err(other) => return Err(other),
            }
        }
        let (id, seconds) = (&self.id, PATIENCE.as_secs());
        let message = format!("lost the coordinator for {seconds} s: {}", last.message);
        let remedy = format!("the batch goes on; see how it ends: `tamerctl batch watch {id}`");
        Err(Problem::new(last.code, message).remedy(remedy).into())
    }
}

async fn next(
    events: &mut BatchEvents,
    stop: &mut Stop,
    frames: &mut tokio::time::Interval,
) -> Next {
    // Each branch only receives: dropping one loses nothing.
    tokio::select! {
        biased;
        () = stop.next() => Next::Stop,
        _ = frames.tick() => Next::Draw,
        event = events.next() => Next::Event(event),
    }
}

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
