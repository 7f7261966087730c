//! A placement as its agent is told of it.

use serde::{Deserialize, Serialize};

use super::{Health, Patience, Restart};
use crate::{InstanceSpec, PlacementId, ProviderName, Span, WorkloadName};

/// Everything an agent needs to keep a placement without a coordinator. It never changes: another
/// template is another placement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacementOrder {
    /// Which placement.
    pub id: PlacementId,
    /// Of which workload.
    pub workload: WorkloadName,
    /// Which copy.
    pub index: u32,
    /// The version of the workload that it is made of.
    pub template: u32,
    /// Which provider runs it.
    pub provider: ProviderName,
    /// What its instance is, with its name. The agent adds its own labels.
    pub instance: Box<InstanceSpec>,
    /// Whether it is to end by itself.
    pub completes: bool,
    /// What happens when it ends by itself.
    pub restart: Restart,
    /// How it is seen to be well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// How long it is kept running without a coordinator.
    pub stop_after: Patience,
    /// How long it has to stop before it is ended.
    pub stop_grace: Span,
}
