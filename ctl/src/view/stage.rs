//! The terminal that is drawn on: its other screen, its keys, and how it was before.

use std::io;

use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::{QueueableCommand, cursor, terminal};
use futures_util::StreamExt;
use tamer_model::StreamKind;

use super::screen::Key;
use crate::output::{Line, print};
use crate::platform;

/// The other screen of the terminal. It is as it was when this value goes, on every way out.
#[derive(Debug)]
pub struct Stage {
    /// Until the terminal is gone.
    keys: Option<Keys>,
    /// What is drawn, as it was written, a row each.
    drawn: Vec<String>,
    size: (usize, usize),
    colours: bool,
}

/// The keyboard. `EventStream` is not `Debug`.
struct Keys(EventStream);

/// What a person did at the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// A key was pressed.
    Key(Key),
    /// The terminal has another size.
    Resized,
}

impl Stage {
    /// Takes the terminal over.
    pub fn enter() -> io::Result<Self> {
        platform::prepare_terminal();
        terminal::enable_raw_mode()?;
        // From here on the way back is taken whatever happens.
        let stage = Self {
            keys: Some(Keys(EventStream::new())),
            drawn: Vec::new(),
            size: (0, 0),
            colours: print::wants_colour(),
        };
        let mut bytes = Vec::new();
        bytes.queue(terminal::EnterAlternateScreen)?;
        bytes.queue(terminal::DisableLineWrap)?.queue(cursor::Hide)?;
        print::raw(StreamKind::Stdout, &bytes)?;
        Ok(stage)
    }

    /// Draws these lines, which fit the size: only what changed is written.
    pub fn draw(&mut self, lines: &[Line], size: (usize, usize)) -> io::Result<()> {
        let mut frame = Vec::new();
        frame.queue(terminal::BeginSynchronizedUpdate)?;
        let begun = frame.len();
        if size != self.size {
            frame.queue(terminal::Clear(terminal::ClearType::All))?;
            self.drawn.clear();
            self.size = size;
        }
        let text = |line: &Line| if self.colours { line.painted() } else { line.text() };
        let lines: Vec<String> = lines.iter().map(text).collect();
        for row in 0..lines.len().max(self.drawn.len()) {
            let (new, old) = (lines.get(row), self.drawn.get(row));
            // What was never drawn is empty.
            if new.map_or("", String::as_str) == old.map_or("", String::as_str) {
                continue;
            }
            frame.queue(cursor::MoveTo(0, u16::try_from(row).unwrap_or(u16::MAX)))?;
            // First: behind a full row the cursor stands on its last column.
            frame.queue(terminal::Clear(terminal::ClearType::UntilNewLine))?;
            frame.extend_from_slice(new.map_or("", String::as_str).as_bytes());
        }
        self.drawn = lines;
        if frame.len() == begun {
            return Ok(());
        }
        frame.queue(terminal::EndSynchronizedUpdate)?;
        print::raw(StreamKind::Stdout, &frame)
    }

    /// What the person does next. Dropping the future loses nothing; it waits for ever when nobody
    /// can do anything any more.
    pub async fn input(&mut self) -> Input {
        while let Some(Keys(keys)) = &mut self.keys {
            match keys.next().await {
                Some(Ok(event)) => {
                    if let Some(input) = input(&event) {
                        return input;
                    }
                }
                Some(Err(_)) | None => self.keys = None,
            }
        }
        std::future::pending().await
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let leave = || -> io::Result<()> {
            let mut bytes = Vec::new();
            bytes.queue(cursor::Show)?.queue(terminal::EnableLineWrap)?;
            bytes.queue(terminal::LeaveAlternateScreen)?;
            print::raw(StreamKind::Stdout, &bytes)
        };
        // A terminal that is gone needs neither.
        let _ = leave();
        let _ = terminal::disable_raw_mode();
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

fn input(event: &Event) -> Option<Input> {
    match event {
        Event::Key(key) => self::key(key).map(Input::Key),
        Event::Resize(_, _) => Some(Input::Resized),
        Event::FocusGained | Event::FocusLost | Event::Mouse(_) => None,
    }
}

fn key(KeyEvent { code, modifiers, kind, state: _ }: &KeyEvent) -> Option<Key> {
    if *kind == KeyEventKind::Release {
        return None;
    }
    let control = modifiers.contains(KeyModifiers::CONTROL);
    Some(match code {
        KeyCode::Char('c') if control => Key::Interrupt,
        KeyCode::Char('z') if control => Key::Suspend,
        KeyCode::Char(_) if control => return None,
        KeyCode::Char(letter) => Key::Char(*letter),
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Enter | KeyCode::Right => Key::Enter,
        KeyCode::Esc | KeyCode::Backspace | KeyCode::Left => Key::Back,
        KeyCode::Tab
        | KeyCode::BackTab
        | KeyCode::Delete
        | KeyCode::Insert
        | KeyCode::F(_)
        | KeyCode::Null
        | KeyCode::CapsLock
        | KeyCode::ScrollLock
        | KeyCode::NumLock
        | KeyCode::PrintScreen
        | KeyCode::Pause
        | KeyCode::Menu
        | KeyCode::KeypadBegin
        | KeyCode::Media(_)
        | KeyCode::Modifier(_) => return None,
    })
}
