//! What this host takes, by its owner's own settings, whatever the fleet asks for.

use std::collections::BTreeSet;
use std::str::FromStr;

use tamer_model::{TaskEnd, Work};

/// A kind of work, as the setting `tasks.accept` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Commands of the host.
    Commands,
    /// Scripts.
    Scripts,
    /// Files that are put on the host or brought from it.
    Files,
    /// Everything about instances, commands in them included.
    Instances,
    /// Placements of workloads: instances that the coordinator wants kept.
    Placements,
}

/// The kinds that are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accept(BTreeSet<Kind>);

impl Kind {
    /// Every kind.
    pub const ALL: &[Self] =
        &[Self::Commands, Self::Scripts, Self::Files, Self::Instances, Self::Placements];

    /// The word of the setting.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Commands => "commands",
            Self::Scripts => "scripts",
            Self::Files => "files",
            Self::Instances => "instances",
            Self::Placements => "placements",
        }
    }
}

impl Default for Accept {
    fn default() -> Self {
        Self(Kind::ALL.iter().copied().collect())
    }
}

impl FromIterator<Kind> for Accept {
    fn from_iter<T: IntoIterator<Item = Kind>>(kinds: T) -> Self {
        Self(kinds.into_iter().collect())
    }
}

impl Accept {
    /// The work, or the end of a task that is not taken. Of a sequence every step must be.
    pub fn check(&self, work: Work) -> Result<Work, Box<TaskEnd>> {
        match self.missing(&work).and_then(|kind| self.refusal(kind)) {
            None => Ok(work),
            Some(why) => Err(Box::new(TaskEnd::refused(why))),
        }
    }

    /// Why this kind is not taken, if it is not.
    pub fn refusal(&self, kind: Kind) -> Option<String> {
        if self.0.contains(&kind) {
            return None;
        }
        let taken: Vec<_> = self.0.iter().map(|kind| kind.as_str()).collect();
        let taken = if taken.is_empty() { "nothing".to_owned() } else { taken.join(", ") };
        Some(format!(
            "the host takes no {}: its agent's setting tasks.accept allows {taken}",
            kind.as_str()
        ))
    }

    fn missing(&self, work: &Work) -> Option<Kind> {
        let kind = match work {
            Work::Command(_) => Kind::Commands,
            Work::Script(_) => Kind::Scripts,
            Work::Push(_) | Work::Fetch(_) => Kind::Files,
            Work::Instance(_) | Work::Exec { .. } => Kind::Instances,
            Work::Sequence(steps) => return steps.iter().find_map(|step| self.missing(step)),
        };
        (!self.0.contains(&kind)).then_some(kind)
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().find(|kind| kind.as_str() == text);
        known.copied().ok_or_else(|| format!("{text:?} is no kind of work"))
    }
}

#[cfg(test)]
mod tests {
    use tamer_model::{CommandSpec, FetchFile, Outcome};

    use super::*;

    #[test]
    fn what_is_not_taken_is_refused_with_the_settings_name() {
        let command = || Work::Command(CommandSpec::new(["true"]));
        let fetch = || Work::Fetch(FetchFile { path: "/x".into(), limit: 1, timeout_ms: None });
        let all = Accept::default();
        assert!(all.check(Work::Sequence(vec![command(), fetch()])).is_ok());
        let some: Accept = [Kind::Commands, Kind::Instances].into_iter().collect();
        assert!(some.check(command()).is_ok());
        for work in [fetch(), Work::Sequence(vec![command(), fetch()])] {
            let end = some.check(work).expect_err("refused");
            assert_eq!(end.outcome, Outcome::Refused);
            let reason = "the host takes no files: its agent's setting tasks.accept allows \
                          commands, instances";
            assert_eq!(end.reason.as_deref(), Some(reason));
        }
        let nothing: Accept = [].into_iter().collect();
        let end = nothing.check(command()).expect_err("refused");
        assert!(end.reason.is_some_and(|reason| reason.ends_with("allows nothing")));
    }
}
