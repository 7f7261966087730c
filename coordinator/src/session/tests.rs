//! When a session counts as heard.

use tamer_model::{HostId, JournalId};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Sessions;
use crate::clock;

/// Waits until the steady clock has moved on.
fn later() -> u64 {
    let now = clock::steady();
    loop {
        match clock::steady() {
            at if at > now => return at,
            _ => std::thread::yield_now(),
        }
    }
}

/// While a controller has too much in hand, sessions wait for it and do not listen. Hosts must not
/// be lost for that: what runs on them would be replaced, which is more to do for the controller.
#[test]
fn silence_while_a_session_does_not_listen_is_not_the_agents() {
    let (sessions, host) = (Sessions::default(), HostId::from_bytes([1; 10]));
    let (out, _heard) = mpsc::channel(1);
    let journal = JournalId::from_bytes([1; 10]);
    sessions.open_for_test(host, journal, out, CancellationToken::new());
    let live = sessions.get(host).expect("it was just opened");
    let opened = live.heard();
    later();
    assert_eq!(live.heard(), opened, "nothing was heard since it was opened");

    let busy = live.busy();
    let waiting = later();
    assert!(sessions.heard(host) >= Some(waiting), "it is busy, and not listening");

    drop(busy);
    let done = live.heard();
    assert!(done >= waiting, "it listens from when it is done");
    later();
    assert_eq!(live.heard(), done, "nothing was heard since it was done");
}
