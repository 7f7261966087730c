//! From the rollout's plan for a batch to records and messages.

use std::collections::{BTreeMap, HashMap};

use tamer_model::{
    BatchId, HostId, HostState, LeaseName, Outcome, Problem, Spot, Stand, TaskEnd, TaskRecord,
    TaskState, Timestamp,
};
use tamer_rollout::{Control, End, Ending, Plan, Reach, step};

use super::open::{Open, Over, Slot};
use crate::fleet::View;
use crate::session::Sessions;

/// Tasks of one host that were sent and not started. A batch may mean a thousand instances of a
/// host; what is queued to its session has a bound.
const UNDER_WAY: usize = 32;

/// The minor version of `tamer.v1` in which attempts, scripts, files and sequences came.
const WITH_ATTEMPTS: u32 = 3;

/// How many tasks hosts have that were sent and not started, with what this pass sends.
pub struct Room<'a> {
    /// The batches but the one that is planned.
    pub others: &'a BTreeMap<BatchId, Open>,
    pub sent: &'a mut HashMap<HostId, usize>,
}

impl Room<'_> {
    /// Takes a place for a task of `own` on a host, if there is one.
    fn take(&mut self, own: &Open, host: HostId) -> bool {
        let others = self.others;
        let sent = self.sent.entry(host).or_insert_with(|| {
            own.under_way(host) + others.values().map(|open| open.under_way(host)).sum::<usize>()
        });
        let room = *sent < UNDER_WAY;
        *sent += usize::from(room);
        room
    }
}

/// What a plan comes to.
#[derive(Default)]
pub struct Planned {
    /// New records.
    pub records: Vec<(Spot, TaskRecord)>,
    /// How the batch stands, when that is not what its record says.
    pub stand: Option<Stand>,
    /// In flight, and to be ended.
    pub cancel: Vec<Spot>,
}

/// Whether a host can be sent to.
pub fn reach(view: &View, sessions: &Sessions, host: HostId) -> Reach {
    let Some(member) = view.host(host) else { return Reach::Gone };
    if member.host.cordon.is_some() {
        return Reach::Cordoned;
    }
    match member.status.state {
        _ if sessions.is_open(host) => Reach::Ready,
        HostState::Ready => Reach::Unsure,
        HostState::Lost | HostState::Pending => Reach::Away,
    }
}

/// How many more tasks of a batch its leases leave room for, where `taken` counts the places that
/// this pass gave away already.
pub fn free(
    open: &BTreeMap<BatchId, Open>,
    id: BatchId,
    taken: &HashMap<LeaseName, usize>,
) -> Option<usize> {
    let leases = open.get(&id)?.batch.leases.iter();
    leases
        .map(|lease| {
            let held: usize = open.values().map(|open| open.holds(&lease.name)).sum();
            let taken = taken.get(&lease.name).copied().unwrap_or_default();
            (lease.places as usize).saturating_sub(held + taken)
        })
        .min()
}

/// Plans one batch, and turns the plan into what is to be written.
pub fn plan(
    open: &mut Open,
    view: &View,
    sessions: &Sessions,
    free: Option<usize>,
    room: &mut Room<'_>,
    now: Timestamp,
) -> Planned {
    open.touched = false;
    let batch = &open.batch;
    let control = Control {
        cancelled_at: batch.cancel.as_ref().map(|cancel| cancel.at),
        marks: batch.marks.iter().map(|mark| (mark.at, mark.resumed)).collect(),
        free,
    };
    let order = &open.order;
    let reach = |place: usize| reach(view, sessions, order[place].host);
    let plan = step(&batch.rollout, &open.known, &reach, &control, batch.created_at, now);
    open.wake = plan.wake;
    open.ending = matches!(plan.stand, Stand::Ending(_));
    if plan.stand == Stand::Done && plan.end.is_empty() {
        let undo = plan.undo.iter().map(|place| open.order[*place]).collect();
        open.over = Some(Over { reason: plan.reason.clone(), undo });
    }
    let mut planned = Planned::default();
    for ending in &plan.end {
        let spot = open.order[ending.place];
        planned.records.push((spot, given_up(&open.tasks[&spot].record, ending, now)));
    }
    send(open, &plan, sessions, room, now, &mut planned);
    planned.cancel = plan.cancel.iter().map(|place| open.order[*place]).collect();
    if plan.stand != open.batch.stand && plan.stand != Stand::Done {
        planned.stand = Some(plan.stand);
    }
    planned
}

fn send(
    open: &Open,
    plan: &Plan,
    sessions: &Sessions,
    room: &mut Room<'_>,
    now: Timestamp,
    planned: &mut Planned,
) {
    for sending in &plan.send {
        let spot = open.order[sending.place];
        // One that lost its session since the plan was made waits for the next.
        let Some(session) = sessions.get(spot.host) else { continue };
        let slot = &open.tasks[&spot];
        if session.wire_minor < WITH_ATTEMPTS && needs_a_newer_agent(open, slot) {
            let end = TaskEnd::refused("its agent is too old for this kind of task: update it");
            let record = TaskRecord {
                state: TaskState::Ended(end),
                ended_at: Some(now),
                ..slot.record.clone()
            };
            planned.records.push((spot, record));
            continue;
        }
        if !room.take(open, spot.host) {
            continue;
        }
        let state = TaskState::Dispatched { at: now, journal: session.journal };
        let record = TaskRecord { state, sent_at: Some(now), ..slot.record.clone() };
        planned.records.push((spot, record));
    }
}

fn needs_a_newer_agent(open: &Open, slot: &Slot) -> bool {
    use tamer_model::Action;
    let old = matches!(
        open.batch.action,
        Action::Command(_) | Action::Instance(_) | Action::Create(_) | Action::Pull(_)
    );
    slot.record.attempt > 0 || !old
}

/// The record of a target that is not sent to: its last attempt's end stands, or it never started.
fn given_up(record: &TaskRecord, ending: &Ending, now: Timestamp) -> TaskRecord {
    let why = ending.why.as_str();
    let mut before = record.before.clone();
    if let Some(last) = before.pop() {
        let told = [last.end.reason.as_deref().unwrap_or_default(), why];
        let told: Vec<_> = told.into_iter().filter(|text| !text.is_empty()).collect();
        let reason = (!told.is_empty()).then(|| told.join("; "));
        return TaskRecord {
            state: TaskState::Ended(TaskEnd { reason, ..last.end }),
            attempt: record.attempt.saturating_sub(1),
            sent_at: Some(last.sent_at),
            ended_at: Some(now),
            before,
        };
    }
    let end = match ending.end {
        End::NeverStarted(unsent) => TaskEnd::never_started(unsent, why),
        End::Refused => TaskEnd::refused(why),
        // Ends of attempts, and there was none. Told as the worst that it could mean.
        End::Succeeded | End::Failed | End::TimedOut | End::Cancelled | End::Interrupted => {
            let problem = Problem::new(tamer_model::Code::Internal, "an end without an attempt");
            TaskEnd {
                problem: Some(Box::new(problem)),
                ..TaskEnd::without_times(Outcome::Interrupted, why)
            }
        }
    };
    TaskRecord { state: TaskState::Ended(end), ended_at: Some(now), ..TaskRecord::PENDING }
}
