//! What happens, as it is told to whoever listens.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::answer::{self, Answer};
use crate::ask::Ask;

/// Events that are kept for those who ask for what was; as many as Docker keeps.
const KEPT: usize = 256;
/// Events that a listener may be behind. Who is further behind is cut off, and sees that.
const BEHIND: usize = 1024;

/// Everything that was told, and everybody who listens.
pub struct Events {
    /// Behind one lock with the sending, so that a listener misses nothing and hears nothing twice.
    past: Mutex<VecDeque<(i128, Value)>>,
    live: broadcast::Sender<Value>,
}

impl Events {
    pub fn new() -> Self {
        Self { past: Mutex::default(), live: broadcast::Sender::new(BEHIND) }
    }

    /// Tells what happened to a thing of this kind.
    pub fn tell(&self, kind: &str, action: &str, id: &str, attributes: &Value) {
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        let nanos = jiff::Timestamp::now().as_nanosecond();
        let event = json!({
            "Type": kind,
            "Action": action,
            "Actor": { "ID": id, "Attributes": attributes },
            "scope": "local",
            "time": i64::try_from(nanos / 1_000_000_000).unwrap_or(i64::MAX),
            "timeNano": i64::try_from(nanos).unwrap_or(i64::MAX),
        });
        if past.len() == KEPT {
            past.pop_front();
        }
        past.push_back((nanos, event.clone()));
        // Nobody may listen.
        let _ = self.live.send(event);
    }

    /// `GET /events`: what was since the time that is asked for, then what comes, without end.
    pub fn listen(&self, ask: &Ask) -> Answer {
        let since = ask.query("since").and_then(nanoseconds);
        let (live, past) = {
            let past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
            let wanted = past.iter().filter(|(at, _)| since.is_some_and(|since| *at >= since));
            let wanted: Vec<_> = wanted.map(|(_, event)| event.clone()).collect();
            (self.live.subscribe(), wanted)
        };
        let live = stream::unfold(live, |mut live| async {
            let event = live.recv().await.ok()?;
            Some((event, live))
        });
        let events = stream::iter(past).chain(live);
        let lines = events.map(|event| Ok(Bytes::from(format!("{event}\n"))));
        answer::stream("application/json", lines)
    }
}

/// A time as it is written in queries, "1795249471.657589162": seconds and a part of one.
pub fn nanoseconds(text: &str) -> Option<i128> {
    let (seconds, part) = text.split_once('.').unwrap_or((text, "0"));
    let nanos: i128 = format!("{part:0<9}").get(..9)?.parse().ok()?;
    Some(seconds.parse::<i128>().ok()? * 1_000_000_000 + nanos)
}
