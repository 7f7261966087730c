//! Unix: files only this user can read, signals, the service manager.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use tokio::signal::unix::{SignalKind, signal};

/// Makes a folder, and the ones above it, that only this user can enter.
pub fn make_private_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Opens a file of this user's own, making it if it is not there.
pub fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Makes a new file of this user's own, whatever was there.
pub fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Makes a renaming durable.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Makes all that was written to the disk of a folder durable at once: of thousands of files that takes
/// a hundredth of the time. False where the system cannot. Linux before 5.8 tells of no write that failed
/// (syncfs(2)): what is missing then is found by its digest when it is read.
pub fn sync_disk_of(dir: &Path) -> io::Result<bool> {
    nix::unistd::syncfs(File::open(dir)?)?;
    Ok(true)
}

/// Lets this process have as many connections as the system allows it: shells give few.
pub fn raise_file_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        if soft < hard { setrlimit(Resource::RLIMIT_NOFILE, hard, hard) } else { Ok(()) }
    });
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// Waits for a request to stop: SIGTERM or Ctrl-C.
pub async fn stop_requested() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Tells the service manager that we serve, and keeps its watchdog fed. Without one, nothing.
pub fn notify_ready() {
    notify(sd_notify::NotifyState::Ready);
    if let Some(every) = sd_notify::watchdog_enabled() {
        // Ends with the program; a runtime that hangs does not feed the watchdog.
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(every / 2);
            loop {
                tick.tick().await;
                notify(sd_notify::NotifyState::Watchdog);
            }
        });
    }
}

/// Tells the service manager that we are stopping.
pub fn notify_stopping() {
    notify(sd_notify::NotifyState::Stopping);
}

fn notify(state: sd_notify::NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::debug!(%error, "the service manager does not listen");
    }
}
