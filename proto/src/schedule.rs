//! When schedules are due, on the wire.

use tamer_model::{Problem, Timestamp};
use tamer_schedule::{DEFAULT_CATCH_UP, Overlap, Timing, Upcoming, When, Zone};
use wire::timing::When as Kind;

use crate::required::{Required, optional};
use crate::wire;

impl From<Timing> for wire::Timing {
    fn from(timing: Timing) -> Self {
        let Timing { when, zone, window, overlap, jitter_ms, catch_up_ms } = timing;
        let when = match when {
            When::At(at) => Kind::At(at.as_millis()),
            When::Cron(cron) => Kind::Cron(cron.into()),
        };
        Self {
            when: Some(when),
            zone: zone.into(),
            window: window.map(String::from).unwrap_or_default(),
            overlap: overlap.as_str().to_owned(),
            jitter_ms,
            catch_up_ms: Some(catch_up_ms),
        }
    }
}

impl TryFrom<wire::Timing> for Timing {
    type Error = Problem;

    fn try_from(timing: wire::Timing) -> Result<Self, Problem> {
        let wire::Timing { when, zone, window, overlap, jitter_ms, catch_up_ms } = timing;
        let when = match when.required("when")? {
            Kind::At(at) => When::At(Timestamp::from_millis(at)),
            Kind::Cron(cron) => When::Cron(cron.parse()?),
        };
        Self {
            when,
            zone: optional(zone).map(Zone::try_from).transpose()?.unwrap_or_default(),
            window: optional(window).map(TryInto::try_into).transpose()?,
            overlap: optional(overlap)
                .map(|word| word.parse::<Overlap>())
                .transpose()?
                .unwrap_or_default(),
            jitter_ms,
            catch_up_ms: catch_up_ms.unwrap_or(DEFAULT_CATCH_UP.as_millis() as u64),
        }
        .validate()
    }
}

impl From<Upcoming> for wire::Upcoming {
    fn from(upcoming: Upcoming) -> Self {
        let Upcoming { due, begins } = upcoming;
        Self { due: due.as_millis(), begins: begins.as_millis() }
    }
}

impl From<wire::Upcoming> for Upcoming {
    fn from(upcoming: wire::Upcoming) -> Self {
        let wire::Upcoming { due, begins } = upcoming;
        Self { due: Timestamp::from_millis(due), begins: Timestamp::from_millis(begins) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timings_come_through() {
        let timing = Timing {
            zone: "Europe/Berlin".parse().expect("a zone"),
            window: Some("Mon-Fri 22:00-04:00".parse().expect("a window")),
            overlap: Overlap::Replace,
            jitter_ms: 1,
            catch_up_ms: 0,
            ..Timing::new(When::Cron("30 2 * * *".parse().expect("an expression")))
        };
        assert_eq!(Timing::try_from(wire::Timing::from(timing.clone())), Ok(timing));
        let least = wire::Timing { when: Some(Kind::At(7)), ..wire::Timing::default() };
        let once = Timing::new(When::At(Timestamp::from_millis(7)));
        assert_eq!(Timing::try_from(least), Ok(once));
    }

    #[test]
    fn the_field_at_fault_is_named() {
        let least = wire::Timing { when: Some(Kind::At(7)), ..wire::Timing::default() };
        let text = |text: &str| text.to_owned();
        for (timing, field) in [
            (wire::Timing::default(), "when"),
            (wire::Timing { when: Some(Kind::Cron(text("x"))), ..least.clone() }, "cron"),
            (wire::Timing { zone: text("Nowhere"), ..least.clone() }, "zone"),
            (wire::Timing { window: text("always"), ..least.clone() }, "window"),
            (wire::Timing { overlap: text("maybe"), ..least.clone() }, "overlap"),
            (wire::Timing { jitter_ms: u64::MAX, ..least.clone() }, "jitter"),
            (wire::Timing { catch_up_ms: Some(u64::MAX), ..least.clone() }, "catch_up"),
        ] {
            let problem = Timing::try_from(timing).expect_err(field);
            assert_eq!(problem.field.as_deref(), Some(field));
        }
    }
}
