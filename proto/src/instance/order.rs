//! Actions and orders on the wire.

use tamer_model::{CreateInstance, InstanceAction, InstanceOrder, Problem, PullImage};
use wire::instance_action::Action;
use wire::instance_order::Order;

use crate::required::Required;
use crate::wire;

impl From<InstanceAction> for wire::InstanceAction {
    fn from(action: InstanceAction) -> Self {
        let action = match action {
            InstanceAction::Start => Action::Start(wire::StartAction {}),
            InstanceAction::Stop { grace_ms } => Action::Stop(wire::StopAction { grace_ms }),
            InstanceAction::Restart { grace_ms } => Action::Restart(wire::StopAction { grace_ms }),
            InstanceAction::Pause => Action::Pause(wire::PauseAction {}),
            InstanceAction::Resume => Action::Resume(wire::ResumeAction {}),
            InstanceAction::Remove { force } => Action::Remove(wire::RemoveAction { force }),
            InstanceAction::CheckpointCreate { name } => Action::CheckpointCreate(name.into()),
            InstanceAction::CheckpointRestore { name } => Action::CheckpointRestore(name.into()),
            InstanceAction::CheckpointRemove { name } => Action::CheckpointRemove(name.into()),
        };
        Self { action: Some(action) }
    }
}

impl TryFrom<wire::InstanceAction> for InstanceAction {
    type Error = Problem;

    fn try_from(action: wire::InstanceAction) -> Result<Self, Problem> {
        match action.action.required("action")? {
            Action::Start(wire::StartAction {}) => Self::Start,
            Action::Stop(wire::StopAction { grace_ms }) => Self::Stop { grace_ms },
            Action::Restart(wire::StopAction { grace_ms }) => Self::Restart { grace_ms },
            Action::Pause(wire::PauseAction {}) => Self::Pause,
            Action::Resume(wire::ResumeAction {}) => Self::Resume,
            Action::Remove(wire::RemoveAction { force }) => Self::Remove { force },
            Action::CheckpointCreate(name) => Self::CheckpointCreate { name: name.try_into()? },
            Action::CheckpointRestore(name) => Self::CheckpointRestore { name: name.try_into()? },
            Action::CheckpointRemove(name) => Self::CheckpointRemove { name: name.try_into()? },
        }
        .validate()
    }
}

impl From<CreateInstance> for wire::CreateInstance {
    fn from(create: CreateInstance) -> Self {
        let CreateInstance { provider, start, spec } = create;
        Self { provider: provider.into(), start, spec: Some(Box::new(spec.into())) }
    }
}

impl TryFrom<wire::CreateInstance> for CreateInstance {
    type Error = Problem;

    fn try_from(create: wire::CreateInstance) -> Result<Self, Problem> {
        let wire::CreateInstance { provider, start, spec } = create;
        let spec = (*spec.required("spec")?).try_into()?;
        Ok(Self { provider: provider.try_into()?, start, spec })
    }
}

impl From<PullImage> for wire::PullImage {
    fn from(pull: PullImage) -> Self {
        let PullImage { provider, reference } = pull;
        Self { provider: provider.into(), reference }
    }
}

impl TryFrom<wire::PullImage> for PullImage {
    type Error = Problem;

    fn try_from(pull: wire::PullImage) -> Result<Self, Problem> {
        let wire::PullImage { provider, reference } = pull;
        Self { provider: provider.try_into()?, reference }.validate()
    }
}

impl From<InstanceOrder> for wire::InstanceOrder {
    fn from(order: InstanceOrder) -> Self {
        let order = match order {
            InstanceOrder::Act { instance, action } => Order::Act(wire::ActOnInstance {
                instance: Some(instance.into()),
                action: Some(action.into()),
            }),
            InstanceOrder::Create(create) => Order::Create((*create).into()),
            InstanceOrder::Pull(pull) => Order::Pull(pull.into()),
        };
        Self { order: Some(order) }
    }
}

impl TryFrom<wire::InstanceOrder> for InstanceOrder {
    type Error = Problem;

    fn try_from(order: wire::InstanceOrder) -> Result<Self, Problem> {
        Ok(match order.order.required("order")? {
            Order::Act(wire::ActOnInstance { instance, action }) => Self::Act {
                instance: instance.required("order.instance")?.try_into()?,
                action: action.required("order.action")?.try_into()?,
            },
            Order::Create(create) => Self::Create(Box::new(create.try_into()?)),
            Order::Pull(pull) => Self::Pull(pull.try_into()?),
        })
    }
}
