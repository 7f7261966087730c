//! From libvirt's states and reasons to ours. Numbers of `virDomainState` and the enumerations of
//! reasons beside it in `libvirt-domain.h`.

use tamer_model::InstanceState;

/// `VIR_DOMAIN_SHUTOFF`: it is defined and does not run.
pub const SHUTOFF: i32 = 5;
const CRASHED: i32 = 6;
const SHUTOFF_UNKNOWN: i32 = 0;
const SHUTOFF_SAVED: i32 = 5;

/// Whether only a look at its managed save tells what this state means: libvirt forgets why a
/// domain is off when its daemon starts again.
pub const fn may_be_saved(state: i32, reason: i32) -> bool {
    state == SHUTOFF && matches!(reason, SHUTOFF_UNKNOWN | SHUTOFF_SAVED)
}

/// Whether it has a process, and so cannot be defined away or started.
pub const fn is_active(state: i32) -> bool {
    matches!(state, 1..=4 | CRASHED | 7)
}

/// Where an instance in this state stands, and why, where the state alone does not say it.
pub fn state(state: i32, reason: i32, saved: bool) -> (InstanceState, Option<String>) {
    use InstanceState::{Failed, Paused, Running, Stopped, Suspended, Unknown};
    let (state, why) = match (state, reason) {
        // Running; waiting for a resource; being shut down.
        (1 | 2, _) => (Running, None),
        (4, _) => (Running, Some("it is shutting down")),
        (3, 5) => (Failed, Some("a disk failed, so it was paused")),
        (3, 6) => (Paused, Some("its watchdog was not fed")),
        (3, 10) => (Failed, Some("its kernel panicked")),
        (3, 2 | 12) => (Paused, Some("it is being moved")),
        (3, 13) => (Failed, Some("moving it failed")),
        (3, 3) => (Paused, Some("it is being saved")),
        (3, 9) => (Paused, Some("a checkpoint is being made")),
        (3, 11) => (Paused, Some("it is starting")),
        (3, _) => (Paused, None),
        (SHUTOFF, _) if saved => (Suspended, None),
        (SHUTOFF, 3) => (Failed, Some("its emulator crashed")),
        (SHUTOFF, 6) => (Failed, Some("it could not be started")),
        (SHUTOFF, 4) => (Stopped, Some("it was moved to another host")),
        (SHUTOFF, 8) => (Failed, Some("libvirt lost it")),
        (SHUTOFF, _) => (Stopped, None),
        (CRASHED, _) => (Failed, Some("its kernel panicked")),
        (7, _) => (Suspended, Some("its guest put it to sleep")),
        _ => (Unknown, None),
    };
    (state, why.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_and_reasons() {
        use InstanceState::{Failed, Paused, Running, Stopped, Suspended, Unknown};
        let cases = [
            ((0, 0, false), Unknown, None),
            ((1, 1, false), Running, None),
            ((2, 0, false), Running, None),
            ((3, 1, false), Paused, None),
            ((3, 5, false), Failed, Some("a disk failed, so it was paused")),
            ((3, 7, false), Paused, None),
            ((4, 1, false), Running, Some("it is shutting down")),
            ((5, 0, false), Stopped, None),
            ((5, 0, true), Suspended, None),
            ((5, 1, false), Stopped, None),
            ((5, 2, false), Stopped, None),
            ((5, 3, false), Failed, Some("its emulator crashed")),
            ((5, 5, true), Suspended, None),
            ((5, 6, false), Failed, Some("it could not be started")),
            ((6, 1, false), Failed, Some("its kernel panicked")),
            ((7, 0, false), Suspended, Some("its guest put it to sleep")),
            ((99, 0, false), Unknown, None),
        ];
        for ((number, reason, saved), wanted, why) in cases {
            let seen = state(number, reason, saved);
            assert_eq!((seen.0, seen.1.as_deref()), (wanted, why), "{number} {reason} {saved}");
        }
        assert!(may_be_saved(5, 0) && may_be_saved(5, 5) && !may_be_saved(5, 1));
        assert!(is_active(3) && !is_active(5) && !is_active(0));
    }
}
