//! What ends by itself: certificates that did not change and are told of because their time runs out.

use tamer_model::Timestamp;

use crate::resource::{Kind, Resource, Value};

/// How long before its end a certificate is told of, in milliseconds: 30 days.
const DUE_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// When a resource ends; none for what is no certificate, or does not say.
pub fn ends(resource: &Resource) -> Option<Timestamp> {
    match resource.properties.get("not_after") {
        Some(Value::Int(end)) if resource.key.kind() == Kind::Certificate => {
            u64::try_from(*end).ok().map(Timestamp::from_millis)
        }
        Some(_) | None => None,
    }
}

/// Whether an end is told of now. What had ended before the baseline is no news.
pub fn is_due(end: Timestamp, baseline: Timestamp, now: Timestamp) -> bool {
    let soon = now.as_millis().saturating_add(DUE_MS);
    end.as_millis() < soon && end >= baseline
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{ResourceKey, Source};

    fn of(kind: Kind, end: impl Into<Value>) -> Resource {
        let key = ResourceKey::new(Source::host(), kind, "a").expect("a key");
        Resource::new(key, "a").with("not_after", end)
    }

    #[test]
    fn only_certificates_end() {
        assert_eq!(ends(&of(Kind::Certificate, 5_i64)), Some(Timestamp::from_millis(5)));
        assert_eq!(ends(&of(Kind::Certificate, -5_i64)), None);
        assert_eq!(ends(&of(Kind::Certificate, "soon")), None);
        assert_eq!(ends(&of(Kind::File, 5_i64)), None);
    }

    #[test]
    fn an_end_is_told_from_thirty_days_before_and_not_of_what_was_over() {
        let at = Timestamp::from_millis;
        let (baseline, now) = (at(1_000), at(2_000));
        for (end, told) in
            [(999, false), (1_000, true), (1_999 + DUE_MS, true), (2_000 + DUE_MS, false)]
        {
            assert_eq!(is_due(at(end), baseline, now), told, "{end}");
        }
    }
}
