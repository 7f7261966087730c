//! Maintenance windows.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use tamer_model::{Problem, Timestamp};

use crate::Zone;
use crate::window::read::spans;

mod read;

/// The times of the week at which a schedule may begin and its batches may run: spans as in
/// `Mon-Fri 22:00-04:00; Sat,Sun 00:00-24:00`, by the clocks of the schedule's zone. One that ends at
/// or before its beginning ends on the next day; its days are those on which it begins. Without
/// days: every day.
///
/// When clocks are changed: a span begins and ends at the first moment at which they show its times,
/// or the end of the gap if they skip them. A night is then an hour longer or shorter, and a span
/// that lies in the gap is not open that day.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Window {
    text: String,
    spans: Vec<Span>,
}

/// How a window stands at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// Nothing may begin.
    Closed,
    /// It is open, and closes then.
    Until(Timestamp),
    /// It is open and never closes.
    Always,
}

/// A part of the day, on some days of the week. Minutes since midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    /// By the days after Monday on which it begins.
    days: [bool; 7],
    /// Below 24:00.
    from: u16,
    /// At most 24:00. Not above `from`: on the next day.
    to: u16,
}

/// What is open for longer than this is open always: a window repeats itself after a week.
const LONG: Duration = Duration::from_secs(8 * 24 * 3600);

impl Window {
    /// The window as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How it stands at `at`.
    pub fn at(&self, zone: &Zone, at: Timestamp) -> Opening {
        let Some(mut closes) = self.end_of_span(zone, at) else { return Opening::Closed };
        // One span may begin where, or before, another ends.
        while let Some(later) = self.end_of_span(zone, closes) {
            if later.since(at) > LONG {
                return Opening::Always;
            }
            closes = later;
        }
        Opening::Until(closes)
    }

    /// Whether something may begin at `at`.
    pub fn is_open(&self, zone: &Zone, at: Timestamp) -> bool {
        self.at(zone, at) != Opening::Closed
    }

    /// When a span of it begins next, after `after`.
    pub fn opens_after(&self, zone: &Zone, after: Timestamp) -> Option<Timestamp> {
        let mut date = zone.local(after)?.date();
        // A span may be missing in one week, when it lies in a gap.
        for _ in 0..15 {
            let opens = self.spans.iter().filter_map(|span| span.on(zone, date));
            let opens = opens.map(|(opens, _)| opens).filter(|opens| *opens > after);
            if let Some(first) = opens.min() {
                return Some(first);
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    /// When the span ends that is under way at `at`; of several, the last one.
    fn end_of_span(&self, zone: &Zone, at: Timestamp) -> Option<Timestamp> {
        let today = zone.local(at)?.date();
        let days = [today.yesterday().ok()?, today];
        let spans = days.iter().flat_map(|date| self.spans.iter().map(|span| span.on(zone, *date)));
        spans.flatten().filter(|(opens, closes)| *opens <= at && at < *closes).map(|s| s.1).max()
    }
}

impl Span {
    /// When it begins and ends, if it begins on that day and is not in a gap.
    fn on(&self, zone: &Zone, date: Date) -> Option<(Timestamp, Timestamp)> {
        if !self.days[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())] {
            return None;
        }
        let last = if self.to <= self.from { date.tomorrow().ok()? } else { date };
        let (opens, closes) = (moment(zone, date, self.from)?, moment(zone, last, self.to)?);
        (opens < closes).then_some((opens, closes))
    }
}

fn moment(zone: &Zone, date: Date, minutes: u16) -> Option<Timestamp> {
    if minutes == read::DAY {
        return zone.midnight(date.tomorrow().ok()?);
    }
    let midnight = date.at(0, 0, 0, 0);
    zone.first(midnight.checked_add(i64::from(minutes).minutes()).ok()?)
}

impl FromStr for Window {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let text = text.trim();
        Ok(Self { text: text.to_owned(), spans: spans(text)? })
    }
}

impl TryFrom<String> for Window {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        text.parse()
    }
}

impl From<Window> for String {
    fn from(window: Window) -> Self {
        window.text
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}
