//! How a batch proceeds, on the wire. Words for the kinds, so that a script can read them; one that
//! is not known is a problem, never a default.

use tamer_model::{
    Amount, Mark, Offline, OnTrip, Order, Pause, Problem, Retry, Retryable, Rollout, Stand,
    Timestamp, WaveSizes,
};

use crate::required::parse;
use crate::wire;

fn amount(text: &str, field: &str) -> Result<Option<Amount>, Problem> {
    if text.is_empty() { Ok(None) } else { parse(text, field).map(Some) }
}

fn shown(amount: Option<Amount>) -> String {
    amount.map(|amount| amount.to_string()).unwrap_or_default()
}

fn unknown(field: &str, word: &str) -> Problem {
    Problem::field(field, format!("{word:?} is not known here"))
        .remedy("a newer program wrote it: update the coordinator")
}

impl From<Rollout> for wire::Rollout {
    fn from(rollout: Rollout) -> Self {
        let Rollout {
            canary,
            waves,
            max_in_flight,
            pause,
            max_failed,
            max_unreachable,
            success,
            on_trip,
            jitter_ms,
            rate,
            order,
            seed,
            retry,
            offline,
            deadline_ms,
        } = rollout;
        let (waves, sizes) = match waves {
            WaveSizes::One => ("one", Vec::new()),
            WaveSizes::Each(size) => ("each", vec![size]),
            WaveSizes::Listed(sizes) => ("listed", sizes),
            WaveSizes::Doubling(size) => ("doubling", vec![size]),
        };
        let (pause, pause_ms) = match pause {
            Pause::No => ("no", 0),
            Pause::For(ms) => ("for", ms),
            Pause::UntilResumed => ("until_resumed", 0),
        };
        let (offline, offline_ms) = match offline {
            Offline::Skip => ("skip", 0),
            Offline::Wait(ms) => ("wait", ms),
            Offline::Require => ("require", 0),
        };
        let on_trip = match on_trip {
            OnTrip::Stop => "stop",
            OnTrip::Pause => "pause",
            OnTrip::Undo => "undo",
        };
        let order = match order {
            Order::Name => "name",
            Order::Reverse => "reverse",
            Order::Random => "random",
        };
        Self {
            canary: shown(canary),
            waves: waves.to_owned(),
            sizes: sizes.into_iter().map(|size| size.to_string()).collect(),
            max_in_flight: shown(max_in_flight),
            pause: pause.to_owned(),
            pause_ms,
            max_failed: shown(max_failed),
            max_unreachable: shown(max_unreachable),
            success,
            on_trip: on_trip.to_owned(),
            jitter_ms,
            rate,
            order: order.to_owned(),
            seed,
            retry: Some(retry.into()),
            offline: offline.to_owned(),
            offline_ms,
            deadline_ms,
        }
    }
}

impl TryFrom<wire::Rollout> for Rollout {
    type Error = Problem;

    fn try_from(rollout: wire::Rollout) -> Result<Self, Problem> {
        let wire::Rollout {
            canary,
            waves,
            sizes,
            max_in_flight,
            pause,
            pause_ms,
            max_failed,
            max_unreachable,
            success,
            on_trip,
            jitter_ms,
            rate,
            order,
            seed,
            retry,
            offline,
            offline_ms,
            deadline_ms,
        } = rollout;
        Ok(Self {
            canary: amount(&canary, "rollout.canary")?,
            waves: wave_sizes(&waves, &sizes)?,
            max_in_flight: amount(&max_in_flight, "rollout.max_in_flight")?,
            pause: match pause.as_str() {
                "" | "no" => Pause::No,
                "for" => Pause::For(pause_ms),
                "until_resumed" => Pause::UntilResumed,
                other => return Err(unknown("rollout.pause", other)),
            },
            max_failed: amount(&max_failed, "rollout.max_failed")?,
            max_unreachable: amount(&max_unreachable, "rollout.max_unreachable")?,
            success,
            on_trip: match on_trip.as_str() {
                "" | "stop" => OnTrip::Stop,
                "pause" => OnTrip::Pause,
                "undo" => OnTrip::Undo,
                other => return Err(unknown("rollout.on_trip", other)),
            },
            jitter_ms,
            rate,
            order: match order.as_str() {
                "" | "name" => Order::Name,
                "reverse" => Order::Reverse,
                "random" => Order::Random,
                other => return Err(unknown("rollout.order", other)),
            },
            seed,
            retry: retry.map_or_else(|| Ok(Retry::default()), TryInto::try_into)?,
            offline: match offline.as_str() {
                "" | "skip" => Offline::Skip,
                "wait" => Offline::Wait(offline_ms),
                "require" => Offline::Require,
                other => return Err(unknown("rollout.offline", other)),
            },
            deadline_ms,
        })
    }
}

fn wave_sizes(kind: &str, sizes: &[String]) -> Result<WaveSizes, Problem> {
    let field = "rollout.waves";
    let sizes: Vec<Amount> = sizes.iter().map(|s| parse(s, field)).collect::<Result<_, _>>()?;
    match (kind, sizes.as_slice()) {
        ("" | "one", []) => Ok(WaveSizes::One),
        ("each", [size]) => Ok(WaveSizes::Each(*size)),
        ("doubling", [size]) => Ok(WaveSizes::Doubling(*size)),
        ("listed", _) => Ok(WaveSizes::Listed(sizes)),
        ("" | "one" | "each" | "doubling", _) => {
            Err(Problem::field(field, format!("{} sizes do not fit {kind:?}", sizes.len())))
        }
        (other, _) => Err(unknown(field, other)),
    }
}

impl From<Retry> for wire::Retry {
    fn from(retry: Retry) -> Self {
        let Retry { attempts, on, backoff_ms } = retry;
        let on = on.into_iter().map(|end| end.as_str().to_owned()).collect();
        Self { attempts, on, backoff_ms }
    }
}

impl TryFrom<wire::Retry> for Retry {
    type Error = Problem;

    fn try_from(retry: wire::Retry) -> Result<Self, Problem> {
        let wire::Retry { attempts, on, backoff_ms } = retry;
        let end = |word: &String| {
            let known = Retryable::ALL.into_iter().find(|end| end.as_str() == word);
            known.ok_or_else(|| unknown("rollout.retry.on", word))
        };
        let on = on.iter().map(end).collect::<Result<_, _>>()?;
        Ok(Self { attempts: attempts.max(1), on, backoff_ms })
    }
}

impl From<(Stand, Timestamp)> for wire::Stand {
    fn from((stand, since): (Stand, Timestamp)) -> Self {
        let word = stand.as_str().to_owned();
        let (wave, of, until, reason) = match stand {
            Stand::Wave { wave, of } => (wave, of, None, String::new()),
            Stand::Between { wave, of, until } => (wave, of, until, String::new()),
            Stand::Tripped(why) | Stand::Ending(why) => (0, 0, None, why),
            Stand::Paused | Stand::Done => (0, 0, None, String::new()),
        };
        let until = until.map(Timestamp::as_millis);
        Self { stand: word, wave, of, until, reason, since: since.as_millis() }
    }
}

impl TryFrom<wire::Stand> for Stand {
    type Error = Problem;

    fn try_from(stand: wire::Stand) -> Result<Self, Problem> {
        let wire::Stand { stand, wave, of, until, reason, since: _ } = stand;
        Ok(match stand.as_str() {
            "wave" => Self::Wave { wave, of },
            "between" => Self::Between { wave, of, until: until.map(Timestamp::from_millis) },
            "paused" => Self::Paused,
            "tripped" => Self::Tripped(reason),
            "ending" => Self::Ending(reason),
            "done" => Self::Done,
            other => return Err(unknown("stand", other)),
        })
    }
}

impl From<Mark> for wire::Mark {
    fn from(mark: Mark) -> Self {
        let Mark { at, by, resumed } = mark;
        Self { at: at.as_millis(), by: by.to_string(), resumed }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_rollout_survives_the_wire() {
        let all = Rollout {
            canary: Some(Amount::Count(1)),
            waves: WaveSizes::Listed(vec![Amount::Share(1050), Amount::Count(4)]),
            max_in_flight: Some(Amount::Count(7)),
            pause: Pause::For(5),
            max_failed: Some(Amount::Count(0)),
            max_unreachable: Some(Amount::Share(1000)),
            success: Some(9000),
            on_trip: OnTrip::Undo,
            jitter_ms: 3,
            rate: Some(9),
            order: Order::Random,
            seed: 11,
            retry: Retry { attempts: 3, on: BTreeSet::from(Retryable::ALL), backoff_ms: 2 },
            offline: Offline::Wait(6),
            deadline_ms: Some(8),
        };
        for rollout in [all, Rollout::default()] {
            let there = wire::Rollout::from(rollout.clone());
            assert_eq!(Rollout::try_from(there), Ok(rollout));
        }
    }

    #[test]
    fn what_is_not_known_is_no_default() {
        for bad in [
            wire::Rollout { pause: "soon".to_owned(), ..wire::Rollout::default() },
            wire::Rollout { on_trip: "dance".to_owned(), ..wire::Rollout::default() },
            wire::Rollout { waves: "each".to_owned(), ..wire::Rollout::default() },
            wire::Rollout { canary: "many".to_owned(), ..wire::Rollout::default() },
        ] {
            assert!(Rollout::try_from(bad.clone()).is_err(), "{bad:?}");
        }
    }
}
