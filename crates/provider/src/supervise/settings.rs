//! The bounds and limits around a provider.

use std::time::Duration;

/// The bounds and limits around a provider. The defaults suit every technology.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Calls under way at once; 32.
    pub calls: usize,
    /// Calls that wait for their turn; one more is refused; 256.
    pub waiting: usize,
    /// Commands, logs and event streams under way at once; one more is refused; 64.
    pub streams: usize,
    /// How long a probe may take that somebody asked for; 3 s.
    pub probe: Duration,
    /// How long a list of instances or images may take; 30 s.
    pub list: Duration,
    /// How long a question about one instance may take, and the begin of a stream; 10 s.
    pub look: Duration,
    /// How long a start, pause, resume or removal may take, and the begin of a command; 60 s.
    pub change: Duration,
    /// How long a stop may take beyond its grace; 30 s.
    pub stop: Duration,
    /// The grace that is reckoned with when the technology's own is used; 120 s.
    pub own_grace: Duration,
    /// How long a scan may take; 120 s.
    pub scan: Duration,
    /// How long a checkpoint may take, with all of a machine's memory; 600 s.
    pub checkpoint: Duration,
    /// How often a technology that is there is asked whether it still is; 2 s.
    pub check_every: Duration,
    /// How long one that is there may take to say so; 2.5 s, so that what hangs is known in less
    /// than 5 s. One that is not there yet has the time of a look.
    pub check: Duration,
    /// How often everything is listed, in case events were lost; 60 s.
    pub list_every: Duration,
    /// How often everything is listed where the technology tells no events; 5 s.
    pub poll_every: Duration,
    /// How long events are gathered before what changed is looked at; 50 ms.
    pub settle: Duration,
    /// The first pause before a technology that is away is asked again; 250 ms.
    pub pause_least: Duration,
    /// The longest such pause; 5 s.
    pub pause_most: Duration,
    /// How long the technology may be away before calls and streams under way are given up; 30 s.
    pub give_up: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            calls: 32,
            waiting: 256,
            streams: 64,
            probe: Duration::from_secs(3),
            list: Duration::from_secs(30),
            look: Duration::from_secs(10),
            change: Duration::from_secs(60),
            stop: Duration::from_secs(30),
            own_grace: Duration::from_secs(120),
            scan: Duration::from_secs(120),
            checkpoint: Duration::from_secs(600),
            check_every: Duration::from_secs(2),
            check: Duration::from_millis(2500),
            list_every: Duration::from_secs(60),
            poll_every: Duration::from_secs(5),
            settle: Duration::from_millis(50),
            pause_least: Duration::from_millis(250),
            pause_most: Duration::from_secs(5),
            give_up: Duration::from_secs(30),
        }
    }
}
