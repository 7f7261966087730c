//! How the batch stands, in words: its waves, and what it waits for.

use tamer_model::{OnTrip, Stand};

use crate::contract::{Batch, Time};
use crate::output::{Line, Tone};
use crate::view::escape;
use crate::view::tally::Tally;
use crate::view::words::{clock, count, number};

/// What a person can do about how a batch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Can {
    /// It can be paused.
    Pause,
    /// It can be let go on.
    Resume,
    /// It is over, or comes to its end by itself.
    Neither,
}

/// What a person can do about it.
pub fn can(batch: &Batch) -> Can {
    if batch.state.is_end() {
        return Can::Neither;
    }
    match batch.stand.as_ref().map(|standing| &standing.stand) {
        Some(Stand::Wave { .. } | Stand::Between { until: Some(_), .. }) | None => Can::Pause,
        Some(Stand::Between { until: None, .. } | Stand::Paused) => Can::Resume,
        Some(Stand::Tripped(_)) => match batch.rollout.on_trip {
            OnTrip::Pause => Can::Resume,
            OnTrip::Stop | OnTrip::Undo => Can::Neither,
        },
        Some(Stand::Ending(_) | Stand::Done) => Can::Neither,
    }
}

/// One or two lines: how it stands, and what that means.
pub fn lines(batch: &Batch, waves: &[u32], tally: &Tally, now: Time, columns: usize) -> Vec<Line> {
    let Some(standing) = &batch.stand else { return Vec::new() };
    let since = clock(now.since(standing.since));
    let flying = flying(tally);
    match &standing.stand {
        Stand::Wave { wave, of } => {
            let limit = batch.rollout.max_in_flight.map(|most| most.size_of(batch.targets).max(1));
            let limit = limit.map(|most| format!("at most {} in flight", number(most.into())));
            if *of <= 1 {
                return limit.map(|limit| Line::new(Tone::Dim, limit)).into_iter().collect();
            }
            let first = Line::new(Tone::Busy, format!("wave {wave} of {of}  "));
            let limit = limit.map(|limit| format!("  {limit}")).unwrap_or_default();
            let room = columns.saturating_sub(first.columns() + limit.len());
            vec![first.then(cells(waves, *wave, room)).and(Tone::Dim, limit)]
        }
        Stand::Between { wave, of, until } => {
            let size = size_of(waves, *wave);
            let what = match until {
                Some(until) => {
                    let left = clock(Time::of(until.as_millis()).since(now));
                    format!("wave {wave} of {of} begins in {left}{size}")
                }
                None => format!("wave {wave} of {of} waits for you{size}: p lets it begin"),
            };
            let first = Line::new(Tone::Strong, format!("{what}  "));
            let room = columns.saturating_sub(first.columns());
            vec![first.then(cells(waves, *wave, room))]
        }
        Stand::Paused => {
            let by = batch.marks.iter().rev().find(|mark| !mark.resumed);
            let by = by.map(|mark| format!(" by {}", escape::text(&mark.by))).unwrap_or_default();
            vec![
                Line::new(Tone::Busy, format!("paused{by}, {since} ago: nothing is sent")),
                Line::new(Tone::Dim, format!("{flying}p lets it go on")),
            ]
        }
        Stand::Tripped(reason) => {
            let reason = escape::text(reason);
            vec![
                Line::new(Tone::Bad, format!("tripped {since} ago: {reason}")),
                Line::new(Tone::Dim, format!("{flying}{}", after_trip(batch))),
            ]
        }
        Stand::Ending(reason) => {
            vec![Line::new(Tone::Busy, format!("ending: {}", escape::text(reason)))]
        }
        Stand::Done => {
            let reason = batch.reason.iter().map(|reason| escape::text(reason));
            let undone = batch.undone_by.iter();
            let undone = undone.map(|id| format!("undone by {}", escape::text(id)));
            let told = reason.chain(undone).map(|text| Line::new(Tone::Bad, text));
            told.collect()
        }
    }
}

/// What goes on although nothing is sent any more.
fn flying(tally: &Tally) -> String {
    match tally.in_flight() {
        0 => String::new(),
        flying => format!("{} in flight to their end; ", count(flying.into(), "target")),
    }
}

fn after_trip(batch: &Batch) -> String {
    match (batch.rollout.on_trip, &batch.undone_by) {
        (OnTrip::Stop, _) => "nothing more is sent".to_owned(),
        (OnTrip::Pause, _) => "nothing is sent until p lets it go on".to_owned(),
        (OnTrip::Undo, Some(id)) => format!("undone by {}", escape::text(id)),
        (OnTrip::Undo, None) => "what had succeeded will be undone".to_owned(),
    }
}

fn size_of(waves: &[u32], wave: u32) -> String {
    let size = (wave as usize).checked_sub(1).and_then(|at| waves.get(at));
    size.map(|size| format!(" ({})", count((*size).into(), "target"))).unwrap_or_default()
}

/// The sizes of the waves, the one that is about to go or goes marked: as many around it as there
/// is room for.
fn cells(waves: &[u32], wave: u32, room: usize) -> Line {
    let current = (wave as usize).saturating_sub(1);
    if current >= waves.len() {
        return Line::default();
    }
    let word = |at: usize| match at == current {
        true => format!("[{}]", number(waves[at].into())),
        false => number(waves[at].into()),
    };
    let (mut from, mut to) = (current, current + 1);
    let mut wide = word(current).len();
    // Two ellipses, each with its space.
    let room = room.saturating_sub(4);
    loop {
        let after = (to < waves.len()).then(|| word(to).len() + 1);
        let before = from.checked_sub(1).map(|at| word(at).len() + 1);
        match (after, before) {
            (Some(more), _) if wide + more <= room && to - current <= current - from + 1 => {
                (to, wide) = (to + 1, wide + more);
            }
            (_, Some(more)) if wide + more <= room => (from, wide) = (from - 1, wide + more),
            (Some(more), _) if wide + more <= room => (to, wide) = (to + 1, wide + more),
            (Some(_) | None, Some(_) | None) => break,
        }
    }
    let mut line = Line::new(Tone::Dim, if from > 0 { "… " } else { "" });
    for at in from..to {
        let tone = match at.cmp(&current) {
            std::cmp::Ordering::Less => Tone::Good,
            std::cmp::Ordering::Equal => Tone::Strong,
            std::cmp::Ordering::Greater => Tone::Dim,
        };
        let gap = if at > from { " " } else { "" };
        line = line.and(Tone::Plain, gap).and(tone, word(at));
    }
    line.and(Tone::Dim, if to < waves.len() { " …" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waves_are_told_around_the_one_that_goes() {
        let told = |waves: &[u32], wave, room| cells(waves, wave, room).text();
        assert_eq!(told(&[1, 10, 1000], 2, 40), "1 [10] 1,000");
        assert_eq!(told(&[5; 100], 50, 20), "… 5 5 5 [5] 5 5 5 …");
        assert_eq!(told(&[5; 100], 1, 14), "[5] 5 5 5 …");
        assert_eq!(told(&[5; 100], 100, 14), "… 5 5 5 [5]");
        assert_eq!(told(&[5; 100], 100, 0), "… [5]");
        assert_eq!(told(&[], 1, 10), "");
        assert_eq!(told(&[1], 7, 10), "");
    }
}
