//! The terminal in raw mode: keys go to the command as they are.

use std::io;

use crossterm::terminal;

use crate::platform;

/// Raw mode, for as long as this lives: it ends on every way out, a panic's too.
#[derive(Debug)]
pub struct RawMode(());

impl RawMode {
    /// Changes the terminal of standard input.
    pub fn enter() -> io::Result<Self> {
        platform::prepare_terminal();
        terminal::enable_raw_mode()?;
        Ok(Self(()))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // A terminal that is gone needs no mode.
        let _ = terminal::disable_raw_mode();
    }
}
