//! A terminal with the program in it: a pseudo-terminal that is its controlling one, so that it
//! gets the signals of a real one.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::unistd::Pid;

const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal in which the program runs; both end with their owner.
pub struct Terminal {
    child: Child,
    master: File,
    slave: OwnedFd,
    output: Receiver<Vec<u8>>,
    seen: Vec<u8>,
    /// What a person would see.
    screen: vt100::Parser,
    /// The last bytes, to tell where a frame ended.
    last: Vec<u8>,
}

/// What ends a frame (DEC private mode 2026, synchronized output).
const END_OF_FRAME: &[u8] = b"\x1b[?2026l";
/// Lines above the screen that can be scrolled back to.
const ABOVE: usize = 1000;

impl Terminal {
    /// Starts the program in a terminal of this size.
    pub fn start(arguments: &[&str], context: &std::path::Path, columns: u16, rows: u16) -> Self {
        let size = Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).expect("a terminal");
        let copy = |fd: &OwnedFd| fd.try_clone().expect("a copy");
        // `setsid` makes the terminal the controlling one; it becomes the program, with its id.
        let child = Command::new("setsid")
            .arg("--ctty")
            .arg(env!("CARGO_BIN_EXE_tamerctl"))
            .args(arguments)
            .env("TAMER_CONFIG", context)
            .env_remove("TAMER_CONTEXT")
            .stdin(copy(&pty.slave))
            .stdout(copy(&pty.slave))
            .stderr(copy(&pty.slave))
            .spawn()
            .expect("starts");
        // More than a test prints; a full one would stop the reader and nothing else.
        let (send, output) = sync_channel(1024);
        let mut reader = File::from(copy(&pty.master));
        // It ends when the other side of the terminal is closed: with its owner.
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                if send.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            master: File::from(pty.master),
            slave: pty.slave,
            output,
            seen: Vec::new(),
            screen: vt100::Parser::new(cells(rows), cells(columns), ABOVE),
            last: Vec::new(),
        }
    }

    /// Types.
    pub fn type_(&mut self, keys: &[u8]) {
        self.master.write_all(keys).expect("typed");
    }

    /// Waits until the terminal shows `text` after what was waited for before.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            let shown = String::from_utf8_lossy(&self.seen).into_owned();
            if let Some(at) = shown.find(text) {
                self.seen = shown.as_bytes()[at + text.len()..].to_vec();
                return;
            }
            match self.output.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("{text:?} is not shown; the last was {shown:?}")
                }
            }
        }
    }

    /// Waits until a whole frame shows `text`; the screen, a line a row.
    #[track_caller]
    pub fn wait_for_frame(&mut self, text: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let shown = self.shown();
            if shown.contains(text) && self.last.ends_with(END_OF_FRAME) {
                return shown;
            }
            match self.output.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("{text:?} is not on the screen:\n{shown}")
                }
            }
        }
    }

    /// What is on the screen now.
    pub fn shown(&self) -> String {
        let (_, columns) = self.screen.screen().size();
        let rows = self.screen.screen().rows(0, columns.get());
        let rows: Vec<_> = rows.map(|row| row.trim_end().to_owned()).collect();
        rows.join("\n").trim_end().to_owned()
    }

    /// Whether the program draws on the terminal's other screen.
    pub fn is_taken_over(&self) -> bool {
        self.screen.screen().alternate_screen()
    }

    fn take(&mut self, bytes: &[u8]) {
        self.seen.extend(bytes);
        self.screen.process(bytes);
        self.last.extend(bytes);
        let from = self.last.len().saturating_sub(END_OF_FRAME.len());
        self.last.drain(..from);
    }

    /// Whether the terminal cooks what is typed: lines, echo, and keys that signal.
    pub fn is_cooked(&self) -> bool {
        let flags = tcgetattr(self.slave.as_fd()).expect("a terminal").local_flags;
        let cooked = LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG;
        assert!(flags.contains(cooked) || !flags.intersects(cooked), "half cooked: {flags:?}");
        flags.contains(cooked)
    }

    /// Gives the terminal another size.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.screen.screen_mut().set_size(cells(rows), cells(columns));
        let link = format!("/proc/self/fd/{}", self.slave.as_raw_fd());
        let path = std::fs::read_link(link).expect("its path");
        let status = Command::new("stty")
            .arg("-F")
            .arg(path)
            .args(["cols", &columns.to_string(), "rows", &rows.to_string()])
            .status()
            .expect("stty runs");
        assert!(status.success());
    }

    /// Sends the program a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a pid");
        kill(Pid::from_raw(pid), signal).expect("a signal");
    }

    /// Waits until the program has ended.
    #[track_caller]
    pub fn ended(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait().expect("its child") {
                // What it printed last is on its way from the other thread.
                while let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(100)) {
                    self.take(&bytes);
                }
                return status;
            }
            // What it prints must not fill the terminal meanwhile.
            if let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(10)) {
                self.take(&bytes);
            }
        }
        panic!("it does not end; the last was {:?}", String::from_utf8_lossy(&self.seen));
    }
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).expect("a terminal of some size")
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already, which is what a drop wants.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
