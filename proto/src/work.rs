//! What a task does, on the wire. A command and an order travel as they always did, so that an
//! agent one version behind still takes them; everything else is a `work`.

use tamer_model::{MAX_STEPS, Problem, TaskId, Work};
use wire::work::Work as Kind;

use crate::required::Required;
use crate::wire;

impl From<Work> for wire::Work {
    fn from(work: Work) -> Self {
        let kind = match work {
            Work::Command(command) => Kind::Command(command.into()),
            Work::Instance(order) => Kind::Order(order.into()),
            Work::Script(script) => Kind::Script(script.into()),
            Work::Push(push) => Kind::Push(push.into()),
            Work::Fetch(fetch) => Kind::Fetch(fetch.into()),
            Work::Exec { instance, exec } => Kind::Exec(wire::ExecInInstance {
                instance: Some(instance.into()),
                exec: Some(exec.into()),
            }),
            Work::Sequence(steps) => {
                let steps = steps.into_iter().map(Into::into).collect();
                Kind::Sequence(wire::WorkSequence { steps })
            }
        };
        Self { work: Some(kind) }
    }
}

impl TryFrom<wire::Work> for Work {
    type Error = Problem;

    fn try_from(work: wire::Work) -> Result<Self, Problem> {
        match work.work {
            Some(Kind::Sequence(wire::WorkSequence { steps })) => {
                if steps.is_empty() || steps.len() > MAX_STEPS {
                    return Err(Problem::field("work.steps", format!("not 1 to {MAX_STEPS}")));
                }
                steps.into_iter().map(single).collect::<Result<_, _>>().map(Self::Sequence)
            }
            kind => single(wire::Work { work: kind }),
        }
    }
}

fn single(work: wire::Work) -> Result<Work, Problem> {
    Ok(match work.work.ok_or_else(unknown)? {
        Kind::Command(command) => Work::Command(command.try_into()?),
        Kind::Order(order) => Work::Instance(order.try_into()?),
        Kind::Script(script) => Work::Script(script.try_into()?),
        Kind::Push(push) => Work::Push(push.try_into()?),
        Kind::Fetch(fetch) => Work::Fetch(fetch.try_into()?),
        Kind::Exec(wire::ExecInInstance { instance, exec }) => Work::Exec {
            instance: instance.required("work.instance")?.try_into()?,
            exec: exec.required("work.exec")?.try_into()?,
        },
        Kind::Sequence(_) => {
            return Err(Problem::field("work.steps", "a sequence holds another one"));
        }
    })
}

fn unknown() -> Problem {
    Problem::field("work", "nothing that this version knows how to do")
        .remedy("update the agent of this host")
}

/// What a start message says is to be done.
pub fn work_of(start: wire::StartTask) -> Result<Work, Problem> {
    let wire::StartTask { task: _, command, order, work } = start;
    match (command, order, work) {
        (Some(command), None, None) => Ok(Work::Command(command.try_into()?)),
        (None, Some(order), None) => Ok(Work::Instance(order.try_into()?)),
        (None, None, Some(work)) => (*work).try_into(),
        (None, None, None) => Err(unknown()),
        _ => Err(Problem::field("work", "more than one thing to do")),
    }
}

/// The message that starts a task.
pub fn start_task(task: TaskId, work: Work) -> wire::StartTask {
    let task = Some(task.into());
    let nothing = wire::StartTask { task, command: None, order: None, work: None };
    match work {
        Work::Command(command) => wire::StartTask { command: Some(command.into()), ..nothing },
        Work::Instance(order) => wire::StartTask { order: Some(order.into()), ..nothing },
        work @ (Work::Script(_)
        | Work::Push(_)
        | Work::Fetch(_)
        | Work::Exec { .. }
        | Work::Sequence(_)) => wire::StartTask { work: Some(Box::new(work.into())), ..nothing },
    }
}
