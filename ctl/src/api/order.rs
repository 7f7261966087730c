//! A batch as it is asked for.

use tamer_model::{Action, BatchSpec, InstanceTerms, TargetSpec};
use tamer_proto::wire;

use super::Selection;

/// A batch to start.
#[derive(Debug, Clone)]
pub struct BatchOrder {
    /// What is asked for.
    pub spec: BatchSpec,
    /// The fingerprint of the targets that a preview told of; empty: whatever they are by then.
    pub expect_targets: Vec<u8>,
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
    pub fn new(action: Action, targets: impl Into<TargetSpec>) -> Self {
        Self::of(BatchSpec::new(action, targets.into()))
    }

    /// An order of what `spec` says.
    pub fn of(spec: BatchSpec) -> Self {
        let request_id = format!("{:032x}", fastrand::u128(..));
        Self { spec, expect_targets: Vec::new(), request_id }
    }
}

impl From<Targets> for TargetSpec {
    fn from(targets: Targets) -> Self {
        match targets {
            Targets::Hosts(selector) => Self { selector, ..Self::default() },
            Targets::Instances(Selection { hosts, instances, named }) => Self {
                selector: hosts,
                instances: Some(InstanceTerms { selector: instances, named }),
                ..Self::default()
            },
        }
    }
}

impl From<BatchOrder> for wire::CreateBatchRequest {
    fn from(order: BatchOrder) -> Self {
        let BatchOrder { spec, expect_targets, request_id } = order;
        // An older coordinator, which does not know the spec, finds nothing to do and refuses.
        Self { spec: Some(spec.into()), expect_targets, request_id, ..Self::default() }
    }
}
