//! The top of the screen: what is done, how the batch stands, how many targets stand where, and how
//! fast it goes.

use std::time::Duration;

use tamer_model::{Rollout, Stand};
use tamer_rollout::Waves;

use super::stand;
use crate::contract::{Batch, Time};
use crate::output::{Line, Tone, human, width};
use crate::view::board::{Board, Bytes};
use crate::view::escape;
use crate::view::pulse::Pulse;
use crate::view::tally::{Kind, Tally};
use crate::view::words::{clock, count, number, percent, rate};

/// Below so many columns only the share is told beside the bar.
const SHORT: usize = 40;
/// A bar of fewer cells could not show each kind.
const SHORTEST_BAR: usize = Kind::ALL.len();

/// The lines, each with how urgent it is when not all of them fit.
pub fn lines(board: &Board, pulse: &Pulse, now: Time, columns: usize) -> Vec<(u8, Line)> {
    let tally = board.tally();
    let Some(batch) = board.batch() else {
        return vec![(0, Line::new(Tone::Dim, "waiting for the coordinator"))];
    };
    let waves = sizes(&batch.rollout, batch.targets);
    let mut lines = vec![(4, title(batch, now, columns))];
    let told = stand::lines(batch, &waves, &tally, now, columns);
    lines.extend(told.into_iter().zip([1, 3]).map(|(line, urgency)| (urgency, line)));
    lines.push((2, bar(&tally, columns)));
    lines.extend(counts(&tally, columns).into_iter().map(|line| (0, line)));
    let pace = pace(board, pulse, &waves, now);
    lines.extend(pace.map(|line| (5, line)));
    lines
}

/// What is done, and at the right side which batch it is and how long it goes already.
fn title(batch: &Batch, now: Time, columns: usize) -> Line {
    let until = batch.ended_at.unwrap_or(now);
    let took = clock(until.since(batch.created_at));
    let right = escape::text(&format!("{} by {}  {took}", batch.batch, batch.created_by));
    let room = columns.saturating_sub(width::of(&right) + 2);
    let what = width::fit(&escape::text(&batch.what()), room);
    let pad = " ".repeat(columns.saturating_sub(width::of(&what) + width::of(&right)));
    Line::new(Tone::Strong, what).and(Tone::Dim, format!("{pad}{right}"))
}

fn bar(tally: &Tally, columns: usize) -> Line {
    let (ended, total) = (tally.ended(), tally.total());
    let (done, of) = (number(ended.into()), number(total.into()));
    let percent = percent(ended.into(), total.into());
    let text = match columns {
        0..SHORT => format!("  {percent}%"),
        _ => format!("  {done} of {of} ended  {percent}%"),
    };
    let room = columns.saturating_sub(width::of(&text));
    let cells = if room < SHORTEST_BAR { 0 } else { room };
    let parts = cells_of(tally, cells).into_iter().map(|(kind, cells)| {
        let blocks = std::iter::repeat_n(kind.block(), cells).collect::<String>();
        (kind.tone(), blocks)
    });
    let bar = parts.fold(Line::default(), |line, (tone, text)| line.and(tone, text));
    bar.and(Tone::Plain, if cells == 0 { text.trim_start().to_owned() } else { text })
}

/// How many of `cells` each kind gets: its share, but one at least, that a single failure among
/// ten thousand is seen.
fn cells_of(tally: &Tally, cells: usize) -> Vec<(Kind, usize)> {
    let kinds: Vec<_> = tally.told().collect();
    let total = u64::from(tally.total()).max(1);
    let mut parts: Vec<_> = kinds
        .iter()
        .map(|(kind, count)| (*kind, (u64::from(*count) * cells as u64 / total).max(1) as usize))
        .collect();
    // Rounding leaves some over, or the single cells take too much: cell by cell that is on whichever
    // part is the largest by then, so that none vanishes.
    let given: usize = parts.iter().map(|(_, cells)| cells).sum();
    for _ in 0..given.abs_diff(cells) {
        if let Some((_, largest)) = parts.iter_mut().max_by_key(|(_, cells)| *cells) {
            *largest = if given < cells { *largest + 1 } else { largest.saturating_sub(1) };
        }
    }
    parts
}

/// The counts on one line; where they do not fit, those that are open on one of their own.
fn counts(tally: &Tally, columns: usize) -> Vec<Line> {
    if tally.total() == 0 {
        return vec![Line::new(Tone::Dim, "nothing to do")];
    }
    let all = counts_of(tally, |_| true);
    if all.columns() <= columns {
        return vec![all];
    }
    vec![counts_of(tally, Kind::is_end), counts_of(tally, |kind| !kind.is_end())]
}

fn counts_of(tally: &Tally, which: impl Fn(Kind) -> bool) -> Line {
    let told = tally.told().filter(|(kind, _)| which(*kind)).enumerate();
    told.fold(Line::default(), |line, (at, (kind, count))| {
        let gap = if at == 0 { "" } else { ", " };
        let text = format!("{} {}", number(count.into()), kind.word());
        line.and(Tone::Plain, gap).and(kind.tone(), text)
    })
}

/// How fast it goes, how long it takes, and what was moved of files.
fn pace(board: &Board, pulse: &Pulse, waves: &[u32], now: Time) -> Option<Line> {
    let tally = board.tally();
    let mut words = Vec::new();
    if let (Some(a_second), false) = (pulse.rate(now), board.is_over()) {
        words.push(rate(a_second));
        words.extend(left(board, pulse, waves, now));
    }
    let Bytes { done, total } = board.moved();
    if total > 0 {
        words.push(format!("{} of {} moved", human::size(done), human::size(total)));
    }
    let flying = u64::from(tally.in_flight());
    if words.is_empty() && flying > 0 && tally.of(Kind::Pending) == 0 && !board.is_over() {
        words.push(format!("waiting for the last {}", count(flying, "target")));
    }
    (!words.is_empty()).then(|| Line::new(Tone::Dim, words.join(", ")))
}

/// How long it takes yet. Nothing is said where the pace of now says nothing about the rest: when
/// nothing is sent, or when only those are left that were slower than all others.
fn left(board: &Board, pulse: &Pulse, waves: &[u32], now: Time) -> Option<String> {
    let tally = board.tally();
    let open = tally.total() - tally.ended();
    if tally.of(Kind::Pending) == 0 && open * 20 <= tally.total() {
        let targets = count(open.into(), "target");
        return (open > 0).then(|| format!("waiting for the last {targets}"));
    }
    let batch = board.batch()?;
    let wave = match batch.stand.as_ref().map(|standing| &standing.stand) {
        Some(Stand::Wave { wave, of }) if wave < of => Some(*wave as usize),
        Some(Stand::Wave { .. }) | None => None,
        Some(
            Stand::Between { .. }
            | Stand::Paused
            | Stand::Tripped(_)
            | Stand::Ending(_)
            | Stand::Done,
        ) => return None,
    };
    let about = |span: Duration| format!("about {}", clock(span));
    match (batch.rollout.pause, wave) {
        (tamer_model::Pause::No, _) | (_, None) => {
            Some(format!("{} left", about(pulse.left(now, open)?)))
        }
        // Between the waves it waits, for a time or for a person: only this one is told.
        (tamer_model::Pause::For(_) | tamer_model::Pause::UntilResumed, Some(wave)) => {
            let upto: u32 = waves.iter().take(wave).sum();
            let open = upto.saturating_sub(tally.ended());
            Some(format!("{} left of this wave", about(pulse.left(now, open)?)))
        }
    }
}

/// The sizes of the waves.
fn sizes(rollout: &Rollout, targets: u32) -> Vec<u32> {
    let waves = Waves::new(rollout, targets as usize);
    waves.all().iter().map(|wave| u32::try_from(wave.len()).unwrap_or(u32::MAX)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However many there are of each, the bar is as long as it shall be, and shows each kind.
        #[test]
        fn a_bar_is_as_long_as_it_shall_be(
            counts in prop::collection::vec((0usize..11, 1u32..3000), 1..40), cells in SHORTEST_BAR..300
        ) {
            let mut tally = Tally::default();
            for (kind, count) in counts {
                (0..count).for_each(|_| tally.add(Kind::ALL[kind]));
            }
            let parts = cells_of(&tally, cells);
            prop_assert_eq!(parts.iter().map(|(_, cells)| cells).sum::<usize>(), cells);
            prop_assert_eq!(parts.len(), tally.told().count());
            prop_assert!(parts.iter().all(|(_, cells)| *cells > 0));
        }
    }
}
