//! Whether a picture follows the one that is known, or something was not observed between them. Pure.

use tamer_model::Timestamp;

use super::record::HostRecord;
use super::told::Told;

/// How a picture is joined to the one before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The agent has no memory of an earlier picture, or there is none.
    pub began: bool,
    /// What was not observed before it.
    pub gap: Option<Unseen>,
}

/// From when to when nobody looked, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    pub from: Timestamp,
    pub to: Timestamp,
    pub why: String,
}

/// Joins what an agent told to what is known of its host. `reconnected` says that it is the first
/// picture of a session: what came between was told to nobody. Within a session a picture that
/// replaces one on its way loses nothing but the moment between.
pub fn link(known: Option<&HostRecord>, told: &Told, reconnected: bool) -> Link {
    let Some(known) = known else { return Link { began: true, gap: agents_own(told) } };
    let why = if known.epoch != told.epoch {
        Some("the agent lost its memory of earlier pictures".to_owned())
    } else if told.counter < known.counter
        || (told.counter == known.counter && told.root != known.root)
    {
        Some("the agent's memory went back to an earlier one".to_owned())
    } else if told.counter > known.counter + 1 && reconnected {
        let missed = told.counter - known.counter - 1;
        Some(format!("{missed} pictures were told to no coordinator"))
    } else {
        None
    };
    let began = known.epoch != told.epoch;
    let ours = why.map(|why| Unseen { from: known.at.min(told.at), to: told.at, why });
    Link { began, gap: both(ours, agents_own(told)) }
}

fn agents_own(told: &Told) -> Option<Unseen> {
    told.gap.clone().map(|gap| Unseen { from: gap.from, to: gap.to, why: gap.why })
}

/// The time that two gaps cover together, with both reasons.
pub fn both(one: Option<Unseen>, other: Option<Unseen>) -> Option<Unseen> {
    match (one, other) {
        (Some(one), Some(other)) => Some(Unseen {
            from: one.from.min(other.from),
            to: one.to.max(other.to),
            why: format!("{}; {}", one.why, other.why),
        }),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use tamer_drift::Digest;

    use super::*;
    use crate::drift::record::Epoch;
    use crate::drift::told::ToldGap;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn epoch(number: u8) -> Epoch {
        Epoch::new(&[number; 16]).expect("an epoch")
    }

    fn known() -> HostRecord {
        HostRecord {
            epoch: epoch(1),
            counter: 7,
            root: Digest::from_bytes([7; 32]),
            at: at(100),
            took_ms: 1,
            resources: 1,
            sources: Vec::new(),
            step: 3,
        }
    }

    fn told(epoch_number: u8, counter: u64, root: u8) -> Told {
        Told {
            epoch: epoch(epoch_number),
            counter,
            root: Digest::from_bytes([root; 32]),
            at: at(200),
            took_ms: 1,
            resources: 1,
            sources: Vec::new(),
            gap: None,
        }
    }

    /// What is made of a telling, in one line.
    fn line(known: Option<&HostRecord>, told: &Told, reconnected: bool) -> String {
        let Link { began, gap } = link(known, told, reconnected);
        let gap = gap.map(|gap| {
            let (from, to) = (gap.from.as_millis() / 1000, gap.to.as_millis() / 1000);
            format!("{from}-{to} {}", gap.why)
        });
        format!("{}{}", if began { "began " } else { "" }, gap.unwrap_or_default())
    }

    #[test]
    fn a_chain_goes_on_or_says_why_not() {
        let known = known();
        let known = Some(&known);
        let lost = "100-200 the agent lost its memory of earlier pictures";
        let back = "100-200 the agent's memory went back to an earlier one";
        assert_eq!(line(None, &told(1, 1, 1), true), "began ");
        assert_eq!(line(known, &told(1, 8, 8), true), "");
        assert_eq!(line(known, &told(1, 7, 7), true), "");
        assert_eq!(line(known, &told(1, 11, 8), false), "");
        let missed = "100-200 3 pictures were told to no coordinator";
        assert_eq!(line(known, &told(1, 11, 8), true), missed);
        assert_eq!(line(known, &told(2, 8, 7), true), format!("began {lost}"));
        assert_eq!(line(known, &told(1, 6, 8), true), back);
        assert_eq!(line(known, &told(1, 7, 8), true), back);
    }

    #[test]
    fn the_agents_own_gap_is_told_with_ours() {
        let gap = ToldGap { from: at(50), to: at(150), why: "it did not run".to_owned() };
        let told = Told { gap: Some(gap), ..told(1, 8, 8) };
        assert_eq!(line(Some(&known()), &told, true), "50-150 it did not run");
        let told = Told { epoch: epoch(9), ..told };
        let both = "began 50-200 the agent lost its memory of earlier pictures; it did not run";
        assert_eq!(line(Some(&known()), &told, true), both);
        assert_eq!(line(None, &told, true), "began 50-150 it did not run");
    }
}
