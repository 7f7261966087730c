//! The service manager and the signals it sends. A message that systemd does not take is lost
//! without harm.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};

/// The service is up.
pub fn notify_ready() {
    let _ = sd_notify::notify(&[NotifyState::Ready]);
}

/// One line on what it is doing.
pub fn notify_status(text: &str) {
    let _ = sd_notify::notify(&[NotifyState::Status(text)]);
}

/// It is about to end.
pub fn notify_stopping() {
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
}

/// Tells the watchdog that the runtime still turns, for as long as it is polled.
pub async fn watchdog() {
    let Some(limit) = sd_notify::watchdog_enabled() else { return std::future::pending().await };
    let mut ticks = tokio::time::interval(limit.max(Duration::from_millis(20)) / 2);
    loop {
        ticks.tick().await;
        let _ = sd_notify::notify(&[NotifyState::Watchdog]);
    }
}

/// Waits until somebody asks the program to stop, and says how.
pub async fn stop_signal() -> &'static str {
    let listen = |kind| signal(kind).ok();
    let mut terminate = listen(SignalKind::terminate());
    let mut interrupt = listen(SignalKind::interrupt());
    // `recv` is cancel-safe; what loses the race is not needed again.
    tokio::select! {
        Some(()) = async { terminate.as_mut()?.recv().await } => "SIGTERM",
        Some(()) = async { interrupt.as_mut()?.recv().await } => "SIGINT",
        else => std::future::pending().await,
    }
}
