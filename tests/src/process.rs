//! One real process, with a guard: it is killed and reaped when its owner goes.

use std::fmt;
use std::io::{Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::signal::kill;
use nix::unistd::Pid;

pub use nix::sys::signal::Signal;

use crate::wait::{until, within};

/// How many lines of a program's log a failed test prints.
const SHOWN_LINES: usize = 60;

/// A running process.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    ended: Option<ExitStatus>,
    stdout: Arc<Mutex<Vec<u8>>>,
    stderr: Arc<Mutex<Vec<u8>>>,
    readers: Vec<JoinHandle<()>>,
    /// Parts of warnings that may come.
    announced: Vec<String>,
    checked: bool,
}

/// How a process ended and all that it wrote.
pub struct Ended {
    /// Its status.
    pub status: ExitStatus,
    /// Standard output, as it is.
    pub stdout: Vec<u8>,
    /// Standard error, as text.
    pub stderr: String,
}

impl fmt::Debug for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, stdout: _, stderr } = self;
        let stdout = self.text();
        f.debug_struct("Ended")
            .field("status", status)
            .field("stdout", &stdout)
            .field("stderr", stderr)
            .finish()
    }
}

impl Ended {
    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// The exit code; -1 for one that was killed.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }
}

impl Process {
    /// Starts a program whose standard error is its log and is checked for warnings.
    ///
    /// # Panics
    /// When it cannot be started.
    #[track_caller]
    pub fn program(name: &str, command: &mut Command) -> Self {
        Self::start(name, command, true)
    }

    /// Starts a tool whose standard error is its own affair.
    ///
    /// # Panics
    /// When it cannot be started.
    #[track_caller]
    pub fn tool(name: &str, command: &mut Command) -> Self {
        Self::start(name, command, false)
    }

    #[track_caller]
    fn start(name: &str, command: &mut Command, checked: bool) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {:?}: {error}", command.get_program()));
        let (stdout, stderr) = (Arc::default(), Arc::default());
        let readers = vec![
            collect(child.stdout.take().expect("piped"), Arc::clone(&stdout)),
            collect(child.stderr.take().expect("piped"), Arc::clone(&stderr)),
        ];
        Self {
            name: name.to_owned(),
            child,
            ended: None,
            stdout,
            stderr,
            readers,
            announced: Vec::new(),
            checked,
        }
    }

    /// What the test calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Announces warnings that contain this text: they do not fail the test.
    pub fn announce(&mut self, part: &str) {
        self.announced.push(part.to_owned());
    }

    /// What it wrote to standard output so far.
    pub fn stdout(&self) -> String {
        text(&self.stdout)
    }

    /// What it wrote to standard error so far.
    pub fn stderr(&self) -> String {
        text(&self.stderr)
    }

    /// Writes to its standard input.
    ///
    /// # Panics
    /// When it does not take it.
    pub fn write(&mut self, text: &str) {
        let stdin = self.child.stdin.as_mut().expect("piped");
        stdin.write_all(text.as_bytes()).expect("the process takes its input");
    }

    /// Writes to its standard input and closes that. What the process does not take because it
    /// ended is nobody's loss.
    pub fn feed(&mut self, bytes: &[u8]) {
        if let Some(mut stdin) = self.child.stdin.take() {
            let _ = stdin.write_all(bytes);
        }
    }

    /// Sends a signal; an ended process gets none.
    pub fn signal(&mut self, signal: Signal) {
        if self.poll().is_none() {
            let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a pid"));
            // It may end between the look and the signal; its parent is us, so the pid is not
            // another's before we reap it.
            kill(pid, signal).unwrap_or_else(|error| eprintln!("{}: {error}", self.name));
        }
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.wait_quietly();
    }

    /// Asks it to stop and checks that it does so in order.
    ///
    /// # Panics
    /// When it does not stop in time, or not with 0.
    #[track_caller]
    pub fn stop(&mut self) {
        self.signal(Signal::SIGTERM);
        let status = self.wait(Duration::from_secs(20));
        assert!(status.success(), "{} was asked to stop and ended with {status}", self.name);
    }

    /// How it ended, if it did.
    pub fn poll(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("our own child");
        }
        self.ended
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end in time.
    #[track_caller]
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let name = self.name.clone();
        until(&format!("the end of {name}"), limit, || {
            self.poll().ok_or_else(|| format!("it runs; log:\n{}", self.tail()))
        })
    }

    /// Waits for its end and takes all that it wrote.
    ///
    /// # Panics
    /// When it does not end in time.
    #[track_caller]
    pub fn finish(mut self, limit: Duration) -> Ended {
        let status = self.wait(limit);
        self.join_readers();
        let stdout = self.stdout.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ended { status, stdout, stderr: self.stderr() }
    }

    /// Waits for a line of standard output that starts so, and gives the rest of it.
    ///
    /// # Panics
    /// When it does not come in time, or the process ends before.
    #[track_caller]
    pub fn line(&mut self, start: &str, limit: Duration) -> String {
        match self.try_line(start, limit) {
            Ok(rest) => rest,
            Err(why) => panic!(
                "{}: no line {start:?} within {limit:?}: {why}; log:\n{}",
                self.name,
                self.tail()
            ),
        }
    }

    /// Like [`Self::line`], for a process that may end before.
    ///
    /// # Errors
    /// Why there is no such line.
    pub fn try_line(&mut self, start: &str, limit: Duration) -> Result<String, String> {
        let seen = within(limit, || {
            let stdout = self.stdout();
            // A line counts when it is whole.
            let whole = stdout.rsplit_once('\n').map_or("", |(whole, _)| whole);
            match whole.lines().find_map(|line| line.strip_prefix(start)) {
                Some(rest) => Ok(Ok(rest.to_owned())),
                None => match self.poll() {
                    Some(status) => Ok(Err(format!("it ended: {status}"))),
                    None => Err(format!("it runs and wrote {stdout:?}")),
                },
            }
        });
        seen.flatten()
    }

    /// Waits until the log contains this text.
    ///
    /// # Panics
    /// When it does not come in time.
    #[track_caller]
    pub fn logged(&self, part: &str, limit: Duration) {
        until(&format!("{part:?} in the log of {}", self.name), limit, || {
            let log = self.stderr();
            if log.contains(part) { Ok(()) } else { Err(self.tail()) }
        });
    }

    /// The lines that warn of something that was not announced.
    pub fn warnings(&self) -> Vec<String> {
        let log = self.stderr();
        let warns =
            |line: &&str| [" WARN ", " ERROR ", "panicked at"].iter().any(|w| line.contains(w));
        let announced =
            |line: &&str| self.announced.iter().any(|part| line.contains(part.as_str()));
        log.lines().filter(warns).filter(|line| !announced(line)).map(str::to_owned).collect()
    }

    fn tail(&self) -> String {
        let log = self.stderr();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
    }

    fn wait_quietly(&mut self) {
        if self.ended.is_none() {
            self.ended = self.child.wait().ok();
        }
        self.join_readers();
    }

    /// Grandchildren may hold the pipes open, so readers get a moment and are then left behind.
    fn join_readers(&mut self) {
        for reader in self.readers.drain(..) {
            if within(Duration::from_millis(500), || {
                if reader.is_finished() { Ok(()) } else { Err(String::new()) }
            })
            .is_ok()
            {
                reader.join().unwrap_or_default();
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
        self.wait_quietly();
        if std::thread::panicking() {
            if self.checked {
                eprintln!("--- {} (the end of its log)\n{}", self.name, self.tail());
            }
            return;
        }
        if self.checked {
            let warnings = self.warnings();
            assert!(
                warnings.is_empty(),
                "{} warned of what the test did not announce:\n{}\n--- its log\n{}",
                self.name,
                warnings.join("\n"),
                self.tail()
            );
        }
    }
}

/// A temporary file's path for logs is not needed: pipes are read as fast as they fill, so that a
/// program never waits for its test.
fn collect(mut from: impl Read + Send + 'static, into: Arc<Mutex<Vec<u8>>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            into.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..count]);
        }
    })
}

fn text(bytes: &Mutex<Vec<u8>>) -> String {
    String::from_utf8_lossy(&bytes.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

/// Processes whose command line mentions `path`.
pub fn mentioning(path: &Path) -> Vec<u32> {
    let needle = path.as_os_str().as_encoded_bytes();
    let Ok(folder) = std::fs::read_dir("/proc") else { return Vec::new() };
    folder
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| *pid != std::process::id())
        .filter(|pid| {
            std::fs::read(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|line| line.windows(needle.len().max(1)).any(|part| part == needle))
        })
        .collect()
}
