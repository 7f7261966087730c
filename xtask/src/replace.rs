//! Ends as another program: the one place that differs between the platforms.

#[cfg(unix)]
pub use unix::by;
#[cfg(windows)]
pub use windows::by;

#[cfg(unix)]
mod unix {
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    /// Becomes the other program, so that Ctrl-C is its alone and the shell waits for its end.
    pub fn by(command: &mut Command) -> anyhow::Result<()> {
        Err(command.exec().into())
    }
}

#[cfg(windows)]
mod windows {
    use std::process::Command;

    /// Waits for the other program and ends as it did.
    pub fn by(command: &mut Command) -> anyhow::Result<()> {
        std::process::exit(command.status()?.code().unwrap_or(1))
    }
}
