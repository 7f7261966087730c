//! Following a batch to its end. The batch belongs to the coordinator: a lost connection is made
//! again and nothing is shown twice; the first Ctrl-C cancels the batch, the second one leaves.

mod ask;
mod retry;

use std::time::Duration;

use futures_util::StreamExt;
use tamer_model::{Code, Problem};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use self::ask::{Ask, Asking, Reading};
pub use self::retry::{Retry, insist};
use crate::Session;
use crate::api::{Api, BatchEvent, BatchEvents, OutputRead, Wanted};
use crate::contract::Batch;
use crate::errors::{Failure, is_transient};
use crate::output::Tone;
use crate::platform::{self, Endings, Stop, endings, interrupts};
use crate::view::{Board, Input, View, Wish};

/// How often the picture is drawn at most.
const FRAME: Duration = Duration::from_millis(100);
/// 128 above SIGINT: how [`Endings`] tells of Ctrl-C.
const INTERRUPTED: u8 = 130;

/// Follows one batch.
pub struct Follower<'a> {
    session: &'a Session,
    id: String,
    signals: Signals,
    board: Board,
    view: View,
    /// Whether the user asked for the end, and whether the coordinator knows.
    cancel: Cancel,
    /// What the person asked for by a key.
    asking: Option<Asking>,
    /// The output of the target that is open.
    reading: Option<Reading>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cancel {
    No,
    Wanted,
    Told,
}

/// The signals that are taken over: where a terminal must be given back first, all that end us.
enum Signals {
    Interrupts(Stop),
    All(Endings),
}

/// How a watch ended.
enum Watched {
    /// The batch is over.
    Over,
    /// The person left.
    Left,
}

enum Next {
    Event(Result<Option<BatchEvent>, Problem>),
    Draw,
    /// A signal, as an exit code.
    Signal(u8),
    Input(Input),
    Answer(Ask, Result<Batch, Problem>),
    Output(Option<Result<OutputRead, Problem>>),
}

impl<'a> Follower<'a> {
    /// Will follow the batch `id` and show it in `view`. Ctrl-C is taken over from here on.
    pub fn new(session: &'a Session, id: String, view: View) -> Result<Self, Failure> {
        let signals = match view.takes_terminal() {
            true => Signals::All(endings()?),
            false => Signals::Interrupts(interrupts()?),
        };
        let (board, cancel) = (Board::default(), Cancel::No);
        Ok(Self { session, id, signals, board, view, cancel, asking: None, reading: None })
    }

    /// Follows until the end; returns the batch as it ended, and the view. A batch that has not
    /// ended was left by the person at the terminal.
    pub async fn run(mut self, mut api: Api) -> Result<(Batch, View), Failure> {
        loop {
            let lost = match self.watch(&mut api).await {
                Ok(Watched::Over) => break,
                Ok(Watched::Left) => return self.finish(),
                Err(Failure::Problem(problem)) if is_transient(problem.code) => problem,
                Err(other) => {
                    self.view.clear();
                    return Err(other);
                }
            };
            let remark = "lost the coordinator; the batch goes on without us; trying again …";
            self.view.note(Tone::Bad, remark);
            match self.again(lost).await {
                Ok(Some(fresh)) => api = fresh,
                Ok(None) => return self.finish(),
                Err(failure) => {
                    self.view.clear();
                    return Err(failure);
                }
            }
        }
        self.fill_in(&mut api).await?;
        self.finish()
    }

    fn finish(mut self) -> Result<(Batch, View), Failure> {
        self.view.clear();
        match self.board.batch() {
            Some(batch) => Ok((batch.clone(), self.view)),
            None => Err(Problem::new(Code::Internal, "a batch ended untold").into()),
        }
    }

    /// Follows over one connection until the batch has ended.
    async fn watch(&mut self, api: &mut Api) -> Result<Watched, Failure> {
        self.tell_cancel(api).await?;
        let mut events = api.watch_batch(&self.id, self.view.needs_output()).await?;
        // What was open goes on where it was.
        self.open(api);
        let mut frames = frames();
        while !self.board.is_over() {
            match self.next(Some(&mut events), &mut frames).await {
                Next::Event(Ok(Some(event))) => self.apply(event)?,
                Next::Event(Ok(None)) => {
                    return Err(Problem::new(Code::Unreachable, "the coordinator went away").into());
                }
                Next::Event(Err(problem)) => return Err(problem.into()),
                Next::Signal(INTERRUPTED) => {
                    self.ask_cancel()?;
                    self.tell_cancel(api).await?;
                }
                Next::Input(input) => match self.view.react(input, &self.board) {
                    Some(Wish::Interrupt) => {
                        self.ask_cancel()?;
                        self.tell_cancel(api).await?;
                    }
                    Some(Wish::Suspend) => self.suspend(),
                    Some(Wish::Leave) => return Ok(Watched::Left),
                    Some(Wish::Pause) => self.ask(Ask::Pause, api),
                    Some(Wish::Resume) => self.ask(Ask::Resume, api),
                    Some(Wish::Cancel) => self.ask(Ask::Cancel, api),
                    Some(Wish::Open(_)) => self.open(api),
                    Some(Wish::Close) => self.reading = None,
                    None => {}
                },
                other => self.common(other)?,
            }
            // The batch of a fast watch is told before its tasks: those come until the stream ends.
            if self.board.is_over() && !self.board.is_complete() {
                self.drain(&mut events).await?;
            }
        }
        Ok(Watched::Over)
    }

    /// What is done about it with and without a coordinator.
    fn common(&mut self, next: Next) -> Result<(), Failure> {
        match next {
            Next::Draw => self.view.draw(&self.board)?,
            Next::Signal(code) => {
                self.view.clear();
                return Err(Failure::Command(code));
            }
            Next::Answer(asked, Ok(_)) => self.view.note(Tone::Busy, asked.done()),
            Next::Answer(_, Err(problem)) => self.view.note(Tone::Bad, &told(&problem)),
            Next::Output(read) => self.read(read),
            // The watch itself takes these.
            Next::Event(_) | Next::Input(_) => {}
        }
        Ok(())
    }

    fn apply(&mut self, event: BatchEvent) -> Result<(), Failure> {
        let changes = self.board.apply(event);
        self.view.show(changes, &self.board)
    }

    /// Takes what is left of a batch that has ended.
    async fn drain(&mut self, events: &mut BatchEvents) -> Result<(), Failure> {
        while let Some(event) = events.next().await? {
            self.apply(event)?;
        }
        Ok(())
    }

    /// Asks for the ends that no event told, so that a summary never misses one.
    async fn fill_in(&mut self, api: &mut Api) -> Result<(), Failure> {
        if self.board.is_complete() || !self.view.needs_output() {
            return Ok(());
        }
        for task in api.tasks(&self.id, "", true).await? {
            self.apply(BatchEvent::Task(task))?;
        }
        Ok(())
    }

    fn ask(&mut self, wish: Ask, api: &Api) {
        match self.asking {
            Some(_) => self.view.note(Tone::Busy, "the coordinator has not answered yet"),
            None => self.asking = Some(ask::ask(wish, api.clone(), self.id.clone())),
        }
    }

    /// Reads the output of the target that is open, from where it was read to.
    fn open(&mut self, api: &Api) {
        let Some(page) = self.view.host() else { return };
        let Some(row) = self.board.rows().get(page.place()) else { return };
        let (stdout_from, stderr_from) = page.next();
        let wanted = Wanted {
            batch: self.id.clone(),
            host: row.host.to_string(),
            item: row.item,
            stdout_from,
            stderr_from,
            follow: true,
        };
        self.reading = Some(ask::read(api.clone(), wanted));
    }

    fn read(&mut self, read: Option<Result<OutputRead, Problem>>) {
        if !matches!(read, Some(Ok(OutputRead::Piece { .. }))) {
            self.reading = None;
        }
        let Some(page) = self.view.host() else { return };
        match read {
            Some(Ok(OutputRead::Piece { stream, offset, data })) => {
                page.piece(stream, offset, &data);
            }
            Some(Ok(OutputRead::Ended(_))) | None => page.ended(),
            Some(Err(problem)) => page.broken(told(&problem)),
        }
    }

    /// Stops until the shell lets us go on; the next picture takes the terminal over again.
    fn suspend(&mut self) {
        self.view.clear();
        platform::suspend();
    }

    fn ask_cancel(&mut self) -> Result<(), Failure> {
        let id = &self.id;
        if self.cancel != Cancel::No {
            self.view.clear();
            let message = format!("left while {id} is being cancelled");
            let remedy = format!("see how it ends: `tamerctl batch watch {id}`");
            return Err(Problem::new(Code::WrongState, message).remedy(remedy).into());
        }
        self.cancel = Cancel::Wanted;
        let remark = format!("cancelling {id}; press Ctrl-C again to leave at once");
        self.view.note(Tone::Busy, &remark);
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

    /// Connects again, however often it takes, for as long as one waits for a restart; none when
    /// the person leaves meanwhile.
    async fn again(&mut self, mut last: Problem) -> Result<Option<Api>, Failure> {
        let mut retry = Retry::new();
        let mut frames = frames();
        while let Some(pause) = retry.pause() {
            if !self.wait(pause, &mut frames).await? {
                return Ok(None);
            }
            match self.session.api().await {
                Ok(api) => {
                    self.view.note(Tone::Good, "connected again");
                    return Ok(Some(api));
                }
                Err(Failure::Problem(problem)) if is_transient(problem.code) => last = problem,
                Err(other) => return Err(other),
            }
        }
        let (id, seconds) = (&self.id, retry::PATIENCE.as_secs());
        let message = format!("lost the coordinator for {seconds} s: {}", last.message);
        let remedy = format!("the batch goes on; see how it ends: `tamerctl batch watch {id}`");
        Err(Problem::new(last.code, message).remedy(remedy).into())
    }

    /// Waits without a coordinator; the picture goes on. False when the person leaves.
    async fn wait(&mut self, pause: Duration, frames: &mut Interval) -> Result<bool, Failure> {
        let pause = sleep(pause);
        tokio::pin!(pause);
        loop {
            let next = tokio::select! {
                () = &mut pause => return Ok(true),
                next = self.next(None, frames) => next,
            };
            match next {
                Next::Signal(INTERRUPTED) => self.ask_cancel()?,
                Next::Input(input) => match self.view.react(input, &self.board) {
                    Some(Wish::Interrupt) => self.ask_cancel()?,
                    Some(Wish::Suspend) => self.suspend(),
                    Some(Wish::Leave) => return Ok(false),
                    Some(Wish::Close) => self.reading = None,
                    Some(Wish::Pause | Wish::Resume | Wish::Cancel) => {
                        self.view.note(Tone::Bad, "there is no coordinator to tell");
                    }
                    // It is read as soon as there is somebody to read it from.
                    Some(Wish::Open(_)) | None => {}
                },
                other => self.common(other)?,
            }
        }
    }

    /// What happens next. Each branch only receives, so dropping the others loses nothing; keys and
    /// pictures come before events, so that a flood of these stops neither.
    async fn next(&mut self, events: Option<&mut BatchEvents>, frames: &mut Interval) -> Next {
        let Self { signals, view, asking, reading, .. } = self;
        tokio::select! {
            biased;
            code = signals.next() => Next::Signal(code),
            input = view.input() => Next::Input(input),
            _ = frames.tick() => Next::Draw,
            (ask, answer) = answered(asking) => Next::Answer(ask, answer),
            event = event(events) => Next::Event(event),
            read = output(reading) => Next::Output(read),
        }
    }
}

impl Signals {
    /// The next signal, as an exit code.
    async fn next(&mut self) -> u8 {
        match self {
            Self::Interrupts(stop) => {
                stop.next().await;
                INTERRUPTED
            }
            Self::All(endings) => endings.next().await,
        }
    }
}

fn frames() -> Interval {
    let mut frames = interval(FRAME);
    frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
    frames
}

async fn answered(asking: &mut Option<Asking>) -> (Ask, Result<Batch, Problem>) {
    let Some(question) = asking else { return std::future::pending().await };
    let answer = question.await;
    *asking = None;
    answer
}

async fn event(events: Option<&mut BatchEvents>) -> Result<Option<BatchEvent>, Problem> {
    match events {
        Some(events) => events.next().await,
        None => std::future::pending().await,
    }
}

async fn output(reading: &mut Option<Reading>) -> Option<Result<OutputRead, Problem>> {
    match reading {
        Some(reading) => reading.next().await,
        None => std::future::pending().await,
    }
}

/// A problem on one line.
fn told(Problem { code, message, field: _, remedy }: &Problem) -> String {
    let remedy = remedy.as_ref().map(|remedy| format!("; {remedy}")).unwrap_or_default();
    format!("{message}{remedy} [{}]", code.as_str())
}
