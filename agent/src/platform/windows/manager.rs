//! The console's signals. There is no service manager to tell anything.

/// The service is up.
pub fn notify_ready() {}

/// One line on what it is doing.
pub fn notify_status(_: &str) {}

/// It is about to end.
pub fn notify_stopping() {}

/// There is no watchdog.
pub async fn watchdog() {
    std::future::pending().await
}

/// Waits until somebody asks the program to stop, and says how.
pub async fn stop_signal() -> &'static str {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};
    let (mut c, mut brk, mut close, mut down) =
        (ctrl_c().ok(), ctrl_break().ok(), ctrl_close().ok(), ctrl_shutdown().ok());
    // `recv` is cancel-safe; what loses the race is not needed again.
    tokio::select! {
        Some(()) = async { c.as_mut()?.recv().await } => "Ctrl-C",
        Some(()) = async { brk.as_mut()?.recv().await } => "Ctrl-Break",
        Some(()) = async { close.as_mut()?.recv().await } => "the closing of the console",
        Some(()) = async { down.as_mut()?.recv().await } => "the shutdown",
        else => std::future::pending().await,
    }
}
