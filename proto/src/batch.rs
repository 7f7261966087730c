//! Batches on the wire: what is asked for, and what is told of them.

use tamer_model::{
    Action, Batch, BatchCounts, BatchSpec, Earlier, InstanceTerms, Lease, Origin, PastAttempt,
    Problem, TargetSpec, Timestamp,
};
use wire::action::Action as Kind;

use crate::required::{Required, parse};
use crate::wire;

impl From<Action> for wire::Action {
    fn from(action: Action) -> Self {
        let kind = match action {
            Action::Command(command) => Kind::Command(command.into()),
            Action::Instance(action) => Kind::Instance(action.into()),
            Action::Create(create) => Kind::Create((*create).into()),
            Action::Pull(pull) => Kind::Pull(pull.into()),
            Action::Script(script) => Kind::Script(script.into()),
            Action::Push(push) => Kind::Push(push.into()),
            Action::Fetch(fetch) => Kind::Fetch(fetch.into()),
            Action::Exec(exec) => Kind::Exec(exec.into()),
            Action::Sequence(steps) => {
                let steps = steps.into_iter().map(Into::into).collect();
                Kind::Sequence(wire::Sequence { steps })
            }
        };
        Self { action: Some(kind) }
    }
}

impl TryFrom<wire::Action> for Action {
    type Error = Problem;

    fn try_from(action: wire::Action) -> Result<Self, Problem> {
        match action.action.required("action")? {
            Kind::Command(command) => Self::Command(command.try_into()?),
            Kind::Instance(action) => Self::Instance(action.try_into()?),
            Kind::Create(create) => Self::Create(Box::new(create.try_into()?)),
            Kind::Pull(pull) => Self::Pull(pull.try_into()?),
            Kind::Script(script) => Self::Script(script.try_into()?),
            Kind::Push(push) => Self::Push(push.try_into()?),
            Kind::Fetch(fetch) => Self::Fetch(fetch.try_into()?),
            Kind::Exec(exec) => Self::Exec(exec.try_into()?),
            Kind::Sequence(wire::Sequence { steps }) => {
                Self::Sequence(steps.into_iter().map(single).collect::<Result<_, _>>()?)
            }
        }
        .validate()
    }
}

/// A step, refused before it is read when it is a sequence: a message may nest deeply.
fn single(step: wire::Action) -> Result<Action, Problem> {
    if matches!(step.action, Some(Kind::Sequence(_))) {
        return Err(Problem::field("steps", "a sequence holds another one"));
    }
    step.try_into()
}

impl From<BatchSpec> for wire::BatchSpec {
    fn from(spec: BatchSpec) -> Self {
        let BatchSpec {
            action,
            targets,
            rollout,
            undo,
            leases,
            parse,
            lost_wait_ms,
            allow_empty,
            foreign,
        } = spec;
        Self {
            action: Some(action.into()),
            targets: Some(targets.into()),
            rollout: Some(rollout.into()),
            undo: undo.map(|undo| (*undo).into()),
            leases: leases.iter().map(Lease::to_string).collect(),
            parse: parse.map(|parse| parse.as_str().to_owned()).unwrap_or_default(),
            lost_wait_ms: lost_wait_ms.unwrap_or_default(),
            allow_empty,
            foreign,
        }
    }
}

impl TryFrom<wire::BatchSpec> for BatchSpec {
    type Error = Problem;

    fn try_from(spec: wire::BatchSpec) -> Result<Self, Problem> {
        let wire::BatchSpec {
            action,
            targets,
            rollout,
            undo,
            leases,
            parse: reading,
            lost_wait_ms,
            allow_empty,
            foreign,
        } = spec;
        let undo: Option<Action> = undo.map(TryInto::try_into).transpose()?;
        Self {
            action: action.required("action")?.try_into()?,
            targets: targets.unwrap_or_default().try_into()?,
            rollout: rollout.unwrap_or_default().try_into()?,
            undo: undo.map(Box::new),
            leases: leases.iter().map(|lease| lease.parse()).collect::<Result<_, _>>()?,
            parse: (!reading.is_empty()).then(|| reading.parse()).transpose()?,
            lost_wait_ms: (lost_wait_ms != 0).then_some(lost_wait_ms),
            allow_empty,
            foreign,
        }
        .validate()
    }
}

impl From<TargetSpec> for wire::TargetSpec {
    fn from(targets: TargetSpec) -> Self {
        let TargetSpec { selector, hosts, instances, earlier, sample } = targets;
        let instances = instances
            .map(|InstanceTerms { selector, named }| wire::InstanceTerms { selector, named });
        let earlier = earlier.map(|Earlier { batch, ends }| wire::Earlier {
            batch: batch.to_string(),
            ends: ends.into_iter().map(|end| end.as_str().to_owned()).collect(),
        });
        let sample = sample.map(|sample| sample.to_string()).unwrap_or_default();
        Self { selector, hosts, instances, earlier, sample }
    }
}

impl TryFrom<wire::TargetSpec> for TargetSpec {
    type Error = Problem;

    fn try_from(targets: wire::TargetSpec) -> Result<Self, Problem> {
        let wire::TargetSpec { selector, hosts, instances, earlier, sample } = targets;
        let instances = instances
            .map(|wire::InstanceTerms { selector, named }| InstanceTerms { selector, named });
        let earlier = earlier.map(|wire::Earlier { batch, ends }| {
            let ends = ends.iter().map(|end| end.parse()).collect::<Result<_, Problem>>()?;
            Ok::<_, Problem>(Earlier { batch: parse(&batch, "earlier.batch")?, ends })
        });
        let sample = (!sample.is_empty()).then(|| parse(&sample, "sample")).transpose()?;
        Ok(Self { selector, hosts, instances, earlier: earlier.transpose()?, sample })
    }
}

impl From<Origin> for wire::Origin {
    fn from(origin: Origin) -> Self {
        use wire::origin::Origin as From;
        let origin = match origin {
            Origin::RetryOf(batch) => From::RetryOf(batch.to_string()),
            Origin::UndoOf(batch) => From::UndoOf(batch.to_string()),
            Origin::Schedule { name, due } => {
                let name = name.to_string();
                From::Schedule(wire::ScheduledFor { name, due: due.as_millis() })
            }
        };
        Self { origin: Some(origin) }
    }
}

impl From<PastAttempt> for wire::PastAttempt {
    fn from(attempt: PastAttempt) -> Self {
        let PastAttempt { sent_at, ended_at, end } = attempt;
        let (sent_at, ended_at) = (sent_at.as_millis(), ended_at.as_millis());
        Self { sent_at, ended_at, end: Some(end.into()) }
    }
}

impl From<BatchCounts> for wire::BatchCounts {
    fn from(counts: BatchCounts) -> Self {
        let BatchCounts {
            pending,
            dispatched,
            running,
            succeeded,
            failed,
            timed_out,
            cancelled,
            refused,
            interrupted,
            never_started,
            unreachable,
        } = counts;
        Self {
            pending,
            dispatched,
            running,
            succeeded,
            failed,
            timed_out,
            cancelled,
            refused,
            interrupted,
            never_started,
            unreachable,
        }
    }
}

/// A batch, as it is told at a time of the coordinator's clock.
impl From<(Batch, Timestamp)> for wire::Batch {
    fn from((batch, now): (Batch, Timestamp)) -> Self {
        let Batch {
            id,
            action,
            selector,
            targets,
            created_by,
            created_at,
            lost_wait_ms: _,
            cancel,
            state,
            ended_at,
            counts,
            rollout,
            undo,
            leases,
            marks,
            stand,
            stand_since,
            parse,
            origin,
            undone_by,
            reason,
        } = batch;
        let summary = action.summary();
        // What a tamerctl one version behind reads.
        let (mut command, mut instance_action, mut create, mut pull) = (None, None, None, None);
        match &action {
            Action::Command(spec) => command = Some(spec.clone().into()),
            Action::Instance(action) => instance_action = Some(action.clone().into()),
            Action::Create(order) => create = Some((**order).clone().into()),
            Action::Pull(order) => pull = Some(order.clone().into()),
            Action::Script(_)
            | Action::Push(_)
            | Action::Fetch(_)
            | Action::Exec(_)
            | Action::Sequence(_) => {}
        }
        Self {
            id: id.to_string(),
            state: state.as_str().to_owned(),
            command,
            instance_action,
            create,
            pull,
            summary,
            selector,
            targets,
            created_by: created_by.to_string(),
            created_at: created_at.as_millis(),
            ended_at: ended_at.map(Timestamp::as_millis),
            cancelled_by: cancel.map(|cancel| cancel.by.to_string()).unwrap_or_default(),
            counts: Some(counts.into()),
            action: Some(action.into()),
            rollout: Some(rollout.into()),
            undo: undo.map(|undo| (*undo).into()),
            leases: leases.iter().map(Lease::to_string).collect(),
            parse: parse.map(|parse| parse.as_str().to_owned()).unwrap_or_default(),
            stand: Some((stand, stand_since).into()),
            marks: marks.into_iter().map(Into::into).collect(),
            origin: origin.map(Into::into),
            undone_by: undone_by.map(|id| id.to_string()).unwrap_or_default(),
            reason: reason.unwrap_or_default(),
            now: now.as_millis(),
        }
    }
}
