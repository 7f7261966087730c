//! Whether an end is the end.

use tamer_model::{Retry, Timestamp};

use crate::{End, Target};

const LONGEST_MS: u64 = 3_600_000;

/// Whether an end is the target's, after so many attempts, or is followed by another attempt.
pub fn is_final(retry: &Retry, end: End, attempts: u32) -> bool {
    let may = end.retryable().is_some_and(|end| retry.on.contains(&end));
    !may || attempts >= retry.attempts
}

/// When a target that was tried is tried again; none when what it has is its end.
pub(crate) fn again_at(retry: &Retry, target: &Target) -> Option<Timestamp> {
    let (end, at) = target.last_end()?;
    let tried = u32::try_from(target.attempts.len()).unwrap_or(u32::MAX);
    (!is_final(retry, end, tried)).then(|| after(at, backoff(retry, tried)))
}

/// The end that the attempts amount to, when there will be no more of them.
pub(crate) fn final_end(retry: &Retry, target: &Target) -> Option<End> {
    let (end, _) = target.last_end()?;
    again_at(retry, target).is_none().then_some(end)
}

/// The wait after the attempt number `tried`, counted from 1.
fn backoff(retry: &Retry, tried: u32) -> u64 {
    let doubled = 1_u64.checked_shl(tried.saturating_sub(1)).unwrap_or(u64::MAX);
    retry.backoff_ms.saturating_mul(doubled).min(LONGEST_MS)
}

pub(crate) fn after(at: Timestamp, ms: u64) -> Timestamp {
    Timestamp::from_millis(at.as_millis().saturating_add(ms))
}
