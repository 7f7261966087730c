//! A batch as it is asked for.

use tamer_model::Action;
use tamer_proto::wire;

use super::Selection;

/// A batch to start.
#[derive(Debug, Clone)]
pub struct BatchOrder {
    /// What is done.
    pub action: Action,
    /// On what.
    pub targets: Targets,
    /// Whether it succeeds when nothing is meant.
    pub allow_empty: bool,
    /// Whether what Tamer did not make is removed too.
    pub foreign: bool,
    /// Drawn for this order alone.
    pub request_id: String,
}

/// What a batch is for.
#[derive(Debug, Clone)]
pub enum Targets {
    /// The hosts of a selector; all when it is empty.
    Hosts(String),
    /// Instances.
    Instances(Selection),
}

impl BatchOrder {
    /// An order that refuses to be for nothing, and spares what Tamer did not make. What it draws
    /// makes it the same request when it is asked again: a lost answer never runs it twice.
    pub fn new(action: Action, targets: Targets) -> Self {
        let request_id = format!("{:032x}", fastrand::u128(..));
        Self { action, targets, allow_empty: false, foreign: false, request_id }
    }
}

impl From<BatchOrder> for wire::CreateBatchRequest {
    fn from(order: BatchOrder) -> Self {
        let BatchOrder { action, targets, allow_empty, foreign, request_id } = order;
        let (selector, instances) = match targets {
            Targets::Hosts(selector) => (selector, None),
            Targets::Instances(selection) => (String::new(), Some(selection.into())),
        };
        let mut request = Self {
            selector,
            allow_empty,
            request_id,
            instances,
            foreign,
            // The coordinator's own wait.
            lost_wait_ms: 0,
            command: None,
            instance_action: None,
            create: None,
            pull: None,
        };
        match action {
            Action::Command(command) => request.command = Some(command.into()),
            Action::Instance(action) => request.instance_action = Some(action.into()),
            Action::Create(create) => request.create = Some((*create).into()),
            Action::Pull(pull) => request.pull = Some(pull.into()),
        }
        request
    }
}
