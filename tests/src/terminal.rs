//! A person at a terminal: a program on a pseudo-terminal of the kernel, whose keys a test presses
//! and whose screen it reads.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::pty::{Winsize, openpty};

use crate::wait::until;

/// Ctrl-C.
pub const INTERRUPT: &str = "\x03";

/// A program on a terminal of its own. It is killed when this value goes.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    keyboard: File,
    /// Open for as long as we look: its modes are reset when nobody has it open.
    _line: OwnedFd,
    device: PathBuf,
    screen: Arc<Mutex<Vec<u8>>>,
    /// How much of the screen was found already: what is waited for comes after it.
    seen: usize,
}

impl Terminal {
    /// Starts the command on a terminal of this many columns and rows.
    ///
    /// # Panics
    /// When the kernel gives no terminal, or the program cannot be started.
    #[track_caller]
    pub fn start(command: &Command, columns: u16, rows: u16) -> Self {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pair = openpty(&size, None).expect("a terminal");
        let line = pair.slave;
        let device = nix::unistd::ttyname(&line).expect("its name");
        // It makes the terminal the controlling one, as a login does.
        let mut login = Command::new(crate::peer("setsid"));
        login.arg("--ctty").arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => login.env(name, value),
                None => login.env_remove(name),
            };
        }
        let side = || Stdio::from(line.try_clone().expect("a descriptor"));
        login.stdin(side()).stdout(side()).stderr(side()).env("TERM", "xterm");
        let child = login.spawn().expect("`setsid` runs");
        let keyboard = File::from(pair.master);
        let screen = Arc::<Mutex<Vec<u8>>>::default();
        // It ends when nobody has the other side open, soon after this value went.
        drop(read(keyboard.try_clone().expect("a descriptor"), Arc::clone(&screen)));
        Self { child, keyboard, _line: line, device, screen, seen: 0 }
    }

    /// Presses keys.
    ///
    /// # Panics
    /// When the terminal is gone.
    #[track_caller]
    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("a keyboard");
    }

    /// Waits until the screen shows this after what was waited for before.
    ///
    /// # Panics
    /// When it does not come in time.
    #[track_caller]
    pub fn shows(&mut self, text: &str, limit: Duration) {
        let screen = Arc::clone(&self.screen);
        let seen = self.seen;
        self.seen = until(&format!("{text:?} on the screen"), limit, || {
            let screen = screen.lock().unwrap_or_else(PoisonError::into_inner);
            let fresh = &screen[seen..];
            match fresh.windows(text.len()).position(|part| part == text.as_bytes()) {
                Some(at) => Ok(seen + at + text.len()),
                None => Err(format!("{:?}", String::from_utf8_lossy(fresh))),
            }
        });
    }

    /// Gives the terminal another size, as dragging its window does.
    ///
    /// # Panics
    /// When it has ended.
    #[track_caller]
    pub fn resize(&self, columns: u16, rows: u16) {
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let status = Command::new("stty")
            .arg("-F")
            .arg(&self.device)
            .args(["cols", &columns, "rows", &rows])
            .status()
            .expect("`stty` runs");
        assert!(status.success(), "`stty` ended with {status}");
    }

    /// The modes that a shell would find, as `stty -a` prints them, without the size.
    ///
    /// # Panics
    /// When `stty` does not run.
    #[track_caller]
    pub fn modes(&self) -> String {
        let told = Command::new("stty").arg("-a").arg("-F").arg(&self.device).output();
        let text = String::from_utf8_lossy(&told.expect("`stty` runs").stdout).into_owned();
        // The first line has the size.
        text.split_once('\n').map(|(_, modes)| modes.to_owned()).unwrap_or(text)
    }

    /// Waits for the program's end, and gives its exit code; -1 for one that was killed.
    ///
    /// # Panics
    /// When it does not end in time.
    #[track_caller]
    pub fn ended(&mut self, limit: Duration) -> i32 {
        let (child, screen) = (&mut self.child, &self.screen);
        until("the end of the program on the terminal", limit, || {
            match child.try_wait().expect("our own child") {
                Some(status) => Ok(status.code().unwrap_or(-1)),
                None => Err(String::from_utf8_lossy(
                    &screen.lock().unwrap_or_else(PoisonError::into_inner),
                )
                .into_owned()),
            }
        })
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(mut from: File, into: Arc<Mutex<Vec<u8>>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            into.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..count]);
        }
    })
}
