//! Following what the fleet does by itself until it is done. Nothing depends on who looks: Ctrl-C
//! leaves it going, and a lost connection is made again.

use std::time::Duration;

use futures_util::StreamExt;
use tamer_model::{Code, Problem, StreamKind};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use super::pairs;
use crate::Session;
use crate::api::{Api, Views};
use crate::errors::{Failure, is_transient};
use crate::follow::Retry;
use crate::output::print;
use crate::platform::{Stop, interrupts};

/// How often the line that shows how far it is is written anew, at most.
const FRAME: Duration = Duration::from_millis(200);
/// 128 above SIGINT.
const INTERRUPTED: u8 = 130;
/// The longest wait that is reckoned with; nobody waits for a century.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Whether, and how long, a command waits for what it began.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
#[group(skip)]
pub struct Wait {
    /// Wait until it is done [default on a terminal]
    #[arg(long, conflicts_with = "detach")]
    wait: bool,
    /// Begin it, and do not wait
    #[arg(short, long, conflicts_with = "timeout")]
    detach: bool,
    /// Wait this long at most, then fail; what was begun goes on
    #[arg(long, value_name = "SPAN", value_parser = pairs::span)]
    timeout: Option<Duration>,
}

/// Something that is followed.
pub trait Story {
    /// What is told of it.
    type Event: Send + 'static;

    /// Watches it from here on. Also after a connection was lost.
    async fn open(&mut self, api: &mut Api) -> Result<Views<Self::Event>, Problem>;
    /// Takes what was told.
    fn take(&mut self, event: Self::Event) -> Result<(), Problem>;
    /// Whether there is nothing more to wait for.
    fn is_over(&self) -> bool;
    /// How far it is, on one line.
    fn line(&self) -> String;
    /// What goes on without us, and how to look at it again.
    fn elsewhere(&self) -> String;
}

impl Wait {
    /// Whether it is waited for.
    pub fn is_wanted(&self) -> bool {
        let asked = self.wait || self.timeout.is_some();
        asked || (!self.detach && print::is_terminal(StreamKind::Stdout))
    }
}

/// Follows until it is over.
pub async fn follow<S: Story>(
    story: &mut S,
    wait: Wait,
    mut api: Api,
    session: &Session,
) -> Result<(), Failure> {
    let limit = wait.timeout.unwrap_or(LONGEST).min(LONGEST);
    let mut watch = Watch {
        stop: interrupts()?,
        until: Instant::now() + limit,
        limit,
        teller: Teller::new(session),
    };
    let mut lost: Option<Retry> = None;
    let end = loop {
        let problem = match watch.over(story, &mut api, &mut lost).await {
            Err(Failure::Problem(problem)) if is_transient(problem.code) => problem,
            end => break end,
        };
        if lost.is_none() {
            watch.teller.note("lost the coordinator; it goes on without us; trying again …");
        }
        let Some(pause) = lost.get_or_insert_default().pause() else { break Err(problem.into()) };
        if let Err(failure) = watch.pause(pause, story).await {
            break Err(failure);
        }
        // Until it works, the old connection says why it does not.
        if let Ok(fresh) = session.api().await {
            api = fresh;
        }
    };
    watch.teller.clear();
    end
}

struct Watch {
    stop: Stop,
    until: Instant,
    limit: Duration,
    teller: Teller,
}

impl Watch {
    /// Follows over one connection. Each branch only receives, so dropping the others loses nothing.
    async fn over<S: Story>(
        &mut self,
        story: &mut S,
        api: &mut Api,
        lost: &mut Option<Retry>,
    ) -> Result<(), Failure> {
        if story.is_over() {
            return Ok(());
        }
        let mut views = story.open(api).await?;
        let mut frames = interval(FRAME);
        frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = self.stop.next() => return Err(self.left(story)),
                () = sleep_until(self.until) => return Err(self.late(story)),
                _ = frames.tick() => self.teller.tell(&story.line()),
                event = views.next() => match event {
                    Some(event) => {
                        story.take(event?)?;
                        *lost = None;
                        if story.is_over() {
                            return Ok(());
                        }
                    }
                    None => {
                        let gone = Problem::new(Code::Unreachable, "the coordinator went away");
                        return Err(gone.into());
                    }
                },
            }
        }
    }

    async fn pause<S: Story>(&mut self, pause: Duration, story: &S) -> Result<(), Failure> {
        tokio::select! {
            () = self.stop.next() => Err(self.left(story)),
            () = sleep_until(self.until) => Err(self.late(story)),
            () = sleep(pause) => Ok(()),
        }
    }

    fn left<S: Story>(&mut self, story: &S) -> Failure {
        self.teller.note(&story.elsewhere());
        Failure::Command(INTERRUPTED)
    }

    fn late<S: Story>(&mut self, story: &S) -> Failure {
        let message =
            format!("not done within {}: {}", humantime::format_duration(self.limit), story.line());
        Problem::new(Code::TimedOut, message).remedy(story.elsewhere()).into()
    }
}

/// Tells a person how far it is: on a terminal on one line that changes, else a line at each
/// change. A script is told the end alone.
struct Teller {
    live: bool,
    quiet: bool,
    last: String,
}

impl Teller {
    fn new(session: &Session) -> Self {
        let live = print::is_terminal(StreamKind::Stderr);
        Self { live, quiet: !live && session.for_scripts(), last: String::new() }
    }

    fn tell(&mut self, line: &str) {
        if self.quiet || line == self.last || line.is_empty() {
            return;
        }
        line.clone_into(&mut self.last);
        match self.live {
            true => print::over(line),
            false => print::note(line),
        }
    }

    fn note(&mut self, text: &str) {
        self.clear();
        print::note(text);
    }

    /// Takes the line away.
    fn clear(&mut self) {
        if self.live && !std::mem::take(&mut self.last).is_empty() {
            print::over("");
        }
    }
}
