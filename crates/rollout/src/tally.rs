//! What has been spent of the budgets.

use std::ops::Range;

use tamer_model::{Amount, OnTrip, Rollout, Timestamp};

use crate::End;
use crate::plan::Control;

/// Counts ends against the budgets.
#[derive(Debug, Clone)]
pub(crate) struct Tally<'a> {
    spec: &'a Rollout,
    total: u32,
    failed: u32,
    unreachable: u32,
    /// A wave that ended with too few successes.
    weak: Option<String>,
}

/// The ends of all targets, as far as they are known.
pub(crate) type Ends = [Option<(End, Timestamp)>];

impl<'a> Tally<'a> {
    /// Counts everything that ended after the last time that a person let a tripped batch go on.
    pub fn new(spec: &'a Rollout, ends: &Ends, waves: &[Range<usize>], control: &Control) -> Self {
        let mut from = None;
        if spec.on_trip == OnTrip::Pause {
            for resumed in control.resumes() {
                if Self::between(spec, ends, waves, from, Some(resumed)).tripped().is_some() {
                    from = Some(resumed);
                }
            }
        }
        Self::between(spec, ends, waves, from, None)
    }

    fn between(
        spec: &'a Rollout,
        ends: &Ends,
        waves: &[Range<usize>],
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> Self {
        let counts =
            |at: Timestamp| from.is_none_or(|from| at > from) && to.is_none_or(|to| at <= to);
        let total = u32::try_from(ends.len()).unwrap_or(u32::MAX);
        let mut tally = Self { spec, total, failed: 0, unreachable: 0, weak: None };
        for (end, at) in ends.iter().flatten() {
            if counts(*at) {
                tally.count(*end);
            }
        }
        for (number, wave) in waves.iter().enumerate() {
            let ended: Option<Vec<_>> = ends[wave.clone()].iter().copied().collect();
            let Some(ended) = ended else { break };
            let last = ended.iter().map(|(_, at)| *at).max().unwrap_or_default();
            if counts(last)
                && let Some(weak) = too_weak(spec, number, &ended)
            {
                tally.weak = Some(weak);
            }
        }
        tally
    }

    /// Counts one more end.
    pub fn count(&mut self, end: End) {
        self.failed += u32::from(end.is_failure());
        self.unreachable += u32::from(end.is_unreachable());
    }

    /// Why the batch has tripped, if it has.
    pub fn tripped(&self) -> Option<String> {
        let over = |count: u32, budget: Option<Amount>, what: &str| {
            let budget = budget?.budget_of(self.total);
            (count > budget).then(|| format!("{count} {what}, and {budget} are allowed"))
        };
        over(self.failed, self.spec.max_failed, "failed")
            .or_else(|| over(self.unreachable, self.spec.max_unreachable, "unreachable"))
            .or_else(|| self.weak.clone())
    }
}

fn too_weak(spec: &Rollout, number: usize, ended: &[(End, Timestamp)]) -> Option<String> {
    let wanted = u64::from(spec.success?);
    let succeeded = ended.iter().filter(|(end, _)| *end == End::Succeeded).count() as u64;
    let of = ended.len() as u64;
    (succeeded * 10_000 < wanted * of).then(|| {
        let wanted = Amount::Share(u32::try_from(wanted).unwrap_or(u32::MAX));
        format!("{succeeded} of {of} succeeded in wave {}, and {wanted} were asked for", number + 1)
    })
}
