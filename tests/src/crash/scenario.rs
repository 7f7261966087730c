//! The batches that are run while somebody dies: three waves over eight hosts, each in another way.

use std::path::Path;

use tamer_proto::wire;
use tonic::Code;

use super::control::{Control, Trouble};
use super::effects::{Effects, script};
use super::fleet::HOSTS;

/// Which hosts, by place, make up each wave.
pub const WAVES: [std::ops::Range<usize>; 3] = [0..1, 1..4, 4..HOSTS];

/// What happens in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// Everything succeeds, three at once.
    Steady,
    /// Two hosts of the second wave fail, and one failure is allowed.
    Tripping,
    /// Two hosts fail at first and are tried again, and so is what is interrupted.
    Retrying,
    /// It is cancelled in the second wave.
    Cancelled,
    /// It is paused in the first wave, and resumed when it stands still.
    Paused,
}

/// How far the person is who uses the batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum Person {
    /// Waits for the moment.
    #[default]
    Watches,
    /// Asked for the pause.
    Paused,
    /// Saw the batch stand still, with so many commands begun.
    Still(usize),
    /// Wants it to go on; whether it was heard is not known.
    Resumes,
    /// Has nothing more to do.
    Done,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Steady, Self::Tripping, Self::Retrying, Self::Cancelled, Self::Paused];

    /// The most commands that may run at once.
    pub const fn in_flight(self) -> usize {
        match self {
            // One after the other, so that nothing was under way when the threshold tripped.
            Self::Tripping => 1,
            Self::Steady | Self::Retrying | Self::Cancelled | Self::Paused => 3,
        }
    }

    /// The places of the hosts whose commands fail.
    pub const fn failing(self) -> &'static [usize] {
        match self {
            Self::Tripping => &[1, 2],
            Self::Retrying => &[2, 5],
            Self::Steady | Self::Cancelled | Self::Paused => &[],
        }
    }

    /// The batch, for hosts with these ids, whose commands write into `effects`.
    pub fn spec(self, hosts: &[String], effects: &Path) -> wire::BatchSpec {
        let arm = |place: &usize| match self {
            // The first attempt's name has no number.
            Self::Retrying => format!("*/{}|*/{}\\#1) code=3;; ", hosts[*place], hosts[*place]),
            Self::Tripping | Self::Steady | Self::Cancelled | Self::Paused => {
                format!("*/{}) code=3;; ", hosts[*place])
            }
        };
        let failing: String = self.failing().iter().map(arm).collect();
        let command = wire::CommandSpec {
            argv: ["sh", "-c", &script(effects, &failing)].map(str::to_owned).to_vec(),
            output_limit: 4096,
            ..Default::default()
        };
        let retry = (self == Self::Retrying).then(|| wire::Retry {
            attempts: 5,
            on: ["failed", "interrupted"].map(str::to_owned).to_vec(),
            backoff_ms: 20,
        });
        // One death is one failure at most: only the scenario that is to trip does.
        let max_failed = if self == Self::Tripping { "1" } else { "3" };
        let rollout = wire::Rollout {
            canary: "1".to_owned(),
            waves: "listed".to_owned(),
            sizes: vec!["3".to_owned(), "4".to_owned()],
            max_in_flight: self.in_flight().to_string(),
            max_failed: max_failed.to_owned(),
            offline: "wait".to_owned(),
            offline_ms: 60_000,
            retry,
            ..Default::default()
        };
        wire::BatchSpec {
            action: Some(wire::Action { action: Some(wire::action::Action::Command(command)) }),
            targets: Some(wire::TargetSpec::default()),
            rollout: Some(rollout),
            ..Default::default()
        }
    }

    /// What a person does about the batch now.
    ///
    /// # Errors
    /// When the coordinator is gone or says no, or when a batch that stands still moves.
    pub fn act(
        self,
        person: &mut Person,
        control: &mut Control,
        batch: &wire::Batch,
        effects: &Effects,
    ) -> Result<(), Trouble> {
        let begun: usize = effects.values().map(|effect| effect.begun.len()).sum();
        match (self, &person) {
            (Self::Cancelled, Person::Watches) if begun > WAVES[0].len() => {
                settled(control.cancel(&batch.id))?;
                *person = Person::Done;
            }
            (Self::Paused, Person::Watches) if begun > 0 => {
                settled(control.pause(&batch.id))?;
                *person = Person::Paused;
            }
            (Self::Paused, Person::Paused) if stands_still(batch) => *person = Person::Still(begun),
            (Self::Paused, Person::Still(before)) if *before < begun => {
                return Err(Trouble::Broken(format!("paused, it began a command: {batch:#?}")));
            }
            (Self::Paused, Person::Still(_)) => *person = Person::Resumes,
            (Self::Paused, Person::Resumes) => {
                settled(control.resume(&batch.id))?;
                *person = Person::Done;
            }
            (Self::Steady | Self::Tripping | Self::Retrying, _)
            | (Self::Cancelled | Self::Paused, _) => {}
        }
        Ok(())
    }
}

/// A no is fine when the batch ended meanwhile, or when the answer to the same wish was lost.
fn settled(answer: Result<wire::Batch, Trouble>) -> Result<(), Trouble> {
    match answer {
        Ok(_) => Ok(()),
        Err(Trouble::Refused(status)) if status.code() == Code::FailedPrecondition => Ok(()),
        Err(other) => Err(other),
    }
}

fn stands_still(batch: &wire::Batch) -> bool {
    let paused = batch.stand.as_ref().is_some_and(|stand| stand.stand == "paused");
    let counts = batch.counts.unwrap_or_default();
    paused && counts.dispatched + counts.running == 0
}
