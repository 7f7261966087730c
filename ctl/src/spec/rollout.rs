//! How a batch proceeds, as flags and files say it. One type for both, so that they cannot differ;
//! the `json` contract tells a batch's rollout in the same words.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tamer_model::{Amount, Offline, OnTrip, Order, Pause, Retry, Rollout, WaveSizes};

use super::text;
use super::words::{Between, OrderWord, Percent, RetryWord, Span, TripWord, Waves, WhenOffline};
use crate::parse;

/// How a batch proceeds. What is not said is as it always was: to all at once, stopping for
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, clap::Args, Serialize, Deserialize)]
#[group(skip)]
#[command(next_help_heading = "How it proceeds")]
#[serde(deny_unknown_fields, default)]
pub struct RolloutArgs {
    /// The first wave: so many targets, or a share of them: 1, 2.5%
    #[arg(long, value_name = "AMOUNT")]
    #[serde(with = "text")]
    pub canary: Option<Amount>,
    /// Waves after it: 10% each; 5,10,50% one after the other, the last one repeated; x2:1 to
    /// begin with 1 and double
    #[arg(long, value_name = "SIZES")]
    #[serde(with = "text")]
    pub waves: Option<Waves>,
    /// The most targets that are under way at once
    #[arg(long, value_name = "AMOUNT")]
    #[serde(with = "text")]
    pub max_in_flight: Option<Amount>,
    /// Between two waves wait this long, or until `tamerctl batch resume`
    #[arg(long, value_name = "SPAN|resume")]
    #[serde(with = "text")]
    pub pause_between: Option<Between>,
    /// How many targets may fail before it trips
    #[arg(long, value_name = "AMOUNT")]
    #[serde(with = "text")]
    pub max_failed: Option<Amount>,
    /// How many targets may turn out to be unreachable before it trips
    #[arg(long, value_name = "AMOUNT")]
    #[serde(with = "text")]
    pub max_unreachable: Option<Amount>,
    /// The share of a wave that must succeed before the next one begins: 95%
    #[arg(long, value_name = "PERCENT")]
    #[serde(with = "text")]
    pub min_success: Option<Percent>,
    /// When it trips: stop, pause until `tamerctl batch resume`, or undo where it had succeeded
    /// [default: stop; undo where one is declared]
    #[arg(long, value_name = "stop|pause|undo")]
    #[serde(with = "text")]
    pub on_trip: Option<TripWord>,
    /// Spread what a wave sends over this time
    #[arg(long, value_name = "SPAN")]
    #[serde(with = "text")]
    pub jitter: Option<Span>,
    /// The most targets begun in any second
    #[arg(long, value_name = "NUMBER")]
    pub rate: Option<u32>,
    /// The order of targets: name, reverse, or random (drawn with --seed) [default: name]
    #[arg(long, value_name = "name|reverse|random")]
    #[serde(with = "text")]
    pub order: Option<OrderWord>,
    /// Decides what is drawn: the sample, the order, the jitter [default: drawn anew]
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// How often a target is tried again [default: 0]
    #[arg(long, value_name = "NUMBER")]
    pub retries: Option<u32>,
    /// After which ends: failed, timed-out, refused, interrupted. An interrupted command may have
    /// done its work: it is tried again only when that is said here [default: failed,timed-out]
    #[arg(long, visible_alias = "retry", value_name = "END,…", value_delimiter = ',')]
    #[serde(with = "text::list")]
    pub retry_on: Vec<RetryWord>,
    /// Wait this long before the second try, and twice as long before each later one [default: 1s]
    #[arg(long, value_name = "SPAN")]
    #[serde(with = "text")]
    pub retry_backoff: Option<Span>,
    /// Targets that cannot be reached: skip them, wait so long for them, or require all of them
    /// before anything is sent [default: skip]
    #[arg(long, value_name = "skip|wait:SPAN|require")]
    #[serde(with = "text")]
    pub offline: Option<WhenOffline>,
    /// After this long nothing new is begun, and what runs is ended
    #[arg(long, value_name = "SPAN")]
    #[serde(with = "text")]
    pub deadline: Option<Span>,
}

impl RolloutArgs {
    /// What is said here, and where nothing is, what `below` says: flags over a file.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        super::over!(self, below;
            canary, waves, max_in_flight, pause_between, max_failed, max_unreachable, min_success,
            on_trip, jitter, rate, order, seed, retries, retry_backoff, offline, deadline;
            retry_on)
    }
}

impl RolloutArgs {
    /// On one line, in the words of the flags: `canary 1, waves 10%`. Empty where all is as usual.
    pub fn in_words(&self) -> String {
        let Ok(serde_json::Value::Object(said)) = serde_json::to_value(self) else {
            return String::new();
        };
        let shown = |value: &serde_json::Value| match value.as_array() {
            Some(words) => words.iter().map(parse::shown).collect::<Vec<_>>().join("+"),
            None => parse::shown(value),
        };
        // A seed of nothing that is drawn says nothing.
        let says = |key: &str, value: &serde_json::Value| {
            let empty = value.as_array().is_some_and(Vec::is_empty);
            !value.is_null() && !empty && (key != "seed" || value.as_u64() != Some(0))
        };
        let words = said.iter().filter(|(key, value)| says(key, value));
        let words = words.map(|(key, value)| format!("{} {}", key.replace('_', "-"), shown(value)));
        words.collect::<Vec<_>>().join(", ")
    }
}

impl From<Rollout> for RolloutArgs {
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
            retry: Retry { attempts, on, backoff_ms },
            offline,
            deadline_ms,
        } = rollout;
        let retries = attempts.saturating_sub(1);
        let again = retries > 0;
        Self {
            canary,
            waves: (waves != WaveSizes::One).then_some(Waves(waves)),
            max_in_flight,
            pause_between: match pause {
                Pause::No => None,
                Pause::For(millis) => Some(Between::For(Span::of(millis))),
                Pause::UntilResumed => Some(Between::Resume),
            },
            max_failed,
            max_unreachable,
            min_success: success.map(Percent::of),
            on_trip: (on_trip != OnTrip::Stop).then_some(TripWord(on_trip)),
            jitter: (jitter_ms != 0).then_some(Span::of(jitter_ms)),
            rate,
            order: (order != Order::Name).then_some(OrderWord(order)),
            seed: Some(seed),
            retries: again.then_some(retries),
            retry_on: on.into_iter().filter(|_| again).map(RetryWord).collect(),
            retry_backoff: again.then_some(Span::of(backoff_ms)),
            offline: (offline != Offline::Skip).then_some(WhenOffline(offline)),
            deadline: deadline_ms.map(Span::of),
        }
    }
}

impl From<RolloutArgs> for Rollout {
    /// A seed that nobody gave is zero: who starts a batch draws one first.
    fn from(args: RolloutArgs) -> Self {
        let usual = Retry::default();
        let on: BTreeSet<_> = args.retry_on.into_iter().map(|RetryWord(end)| end).collect();
        // Naming the ends without a number means once: otherwise the flag would say nothing.
        let retries = args.retries.unwrap_or(u32::from(!on.is_empty()));
        Self {
            canary: args.canary,
            waves: args.waves.map(|Waves(sizes)| sizes).unwrap_or_default(),
            max_in_flight: args.max_in_flight,
            pause: args.pause_between.map(Into::into).unwrap_or_default(),
            max_failed: args.max_failed,
            max_unreachable: args.max_unreachable,
            success: args.min_success.map(Percent::hundredths),
            on_trip: args.on_trip.map(|TripWord(word)| word).unwrap_or_default(),
            jitter_ms: args.jitter.map(Span::millis).unwrap_or_default(),
            rate: args.rate,
            order: args.order.map(|OrderWord(word)| word).unwrap_or_default(),
            seed: args.seed.unwrap_or_default(),
            retry: Retry {
                attempts: retries.saturating_add(1),
                on: if on.is_empty() { usual.on } else { on },
                backoff_ms: args.retry_backoff.map_or(usual.backoff_ms, Span::millis),
            },
            offline: args.offline.map(|WhenOffline(offline)| offline).unwrap_or_default(),
            deadline_ms: args.deadline.map(Span::millis),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rollout_in_words_is_what_it_was_made_of() {
        let said = RolloutArgs {
            canary: Some(Amount::Count(1)),
            waves: "5,10,50%".parse().ok(),
            pause_between: Some(Between::Resume),
            retries: Some(2),
            retry_on: vec![RetryWord(tamer_model::Retryable::Interrupted)],
            retry_backoff: Some(Span::of(1000)),
            seed: Some(0),
            ..RolloutArgs::default()
        };
        assert_eq!(
            said.in_words(),
            "canary 1, pause-between resume, retries 2, retry-backoff 1s, retry-on interrupted, waves 5,10,50%"
        );
        assert_eq!(RolloutArgs::from(Rollout::from(said.clone())), said);
        let json = serde_json::to_string(&said).expect("json");
        let told: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&json).expect("an object");
        let told: serde_json::Map<_, _> = told.into_iter().filter(|(_, v)| !v.is_null()).collect();
        let again: RolloutArgs = serde_json::from_value(told.into()).expect("reads back");
        assert_eq!(again, said);
        assert_eq!(RolloutArgs::from(Rollout::default()).in_words(), "");
    }
}
