//! The live view: the screen, the terminal it is drawn on, and the clock that both need.

use std::io;
use std::time::Duration;

use tokio::time::Instant;

use super::board::{Board, Change};
use super::screen::{Screen, Size, Wish};
use super::stage::{Input, Stage};
use crate::contract::Time;
use crate::output::{Tone, print};

/// A batch that is over by then is only summed up: a flash of a screen helps nobody.
const PATIENCE: Duration = Duration::from_millis(250);
/// Without news the picture is drawn so often, for the times in it.
const CALM: Duration = Duration::from_secs(1);

/// A batch on a terminal.
#[derive(Debug)]
pub struct Live {
    screen: Screen,
    stage: Option<Stage>,
    clock: Clock,
    begun: Instant,
    /// When it was drawn last; none when something happened since then.
    drawn: Option<Instant>,
}

/// The coordinator's clock, as far as it told the time.
#[derive(Debug, Default)]
struct Clock(Option<(Instant, Time)>);

impl Default for Live {
    /// Nothing is drawn yet.
    fn default() -> Self {
        let (screen, clock) = (Screen::default(), Clock::default());
        Self { screen, stage: None, clock, begun: Instant::now(), drawn: None }
    }
}

impl Live {
    /// Takes what changed.
    pub fn apply(&mut self, changes: Vec<Change>, board: &Board) {
        self.drawn = self.drawn.filter(|_| changes.is_empty());
        for change in changes {
            if let (Change::Batch, Some(batch)) = (&change, board.batch()) {
                self.clock.told(batch.now);
            }
            self.screen.apply(change, self.clock.now());
        }
    }

    /// Draws what changed, as soon as the batch takes long enough to be looked at.
    pub fn draw(&mut self, board: &Board) -> io::Result<()> {
        if self.begun.elapsed() < PATIENCE || self.drawn.is_some_and(|drawn| drawn.elapsed() < CALM)
        {
            return Ok(());
        }
        let stage = match &mut self.stage {
            Some(stage) => stage,
            empty => empty.insert(Stage::enter()?),
        };
        let size @ (columns, rows) = print::size();
        self.screen.resize(Size { columns, rows });
        self.screen.settle(board);
        stage.draw(&self.screen.lines(board, self.clock.now()), size)?;
        self.drawn = Some(Instant::now());
        Ok(())
    }

    /// What the person wants next. Dropping the future loses nothing.
    pub async fn input(&mut self) -> Input {
        match &mut self.stage {
            Some(stage) => stage.input().await,
            None => std::future::pending().await,
        }
    }

    /// Takes what the person did; what that means beyond the screen.
    pub fn react(&mut self, input: Input, board: &Board) -> Option<Wish> {
        self.drawn = None;
        match input {
            Input::Key(key) => self.screen.press(key, board),
            Input::Resized => None,
        }
    }

    /// The screen, to change what is on it.
    pub const fn screen(&mut self) -> &mut Screen {
        self.drawn = None;
        &mut self.screen
    }

    /// Gives the terminal back.
    pub fn leave(&mut self) {
        self.stage = None;
        self.drawn = None;
    }

    /// Says something beside the batch.
    pub fn remark(&mut self, tone: Tone, text: &str) {
        match self.stage {
            Some(_) => self.screen().remark(tone, text),
            None => print::note(&tone.paint(text)),
        }
    }
}

impl Clock {
    fn told(&mut self, now: Time) {
        self.0 = Some((Instant::now(), now));
    }

    fn now(&self) -> Time {
        match self.0 {
            Some((at, told)) => told.after(at.elapsed()),
            None => Time::now(),
        }
    }
}
