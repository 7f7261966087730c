//! Which instance is which placement's. What is not ours is never touched.

use tamer_model::{Instance, InstanceSpec, MAX_INSTANCE_LABELS, PlacementId, PlacementOrder};

/// The labels by which an instance is known.
const PLACEMENT: &str = "tamer.placement";
const WORKLOAD: &str = "tamer.workload";
const INDEX: &str = "tamer.index";
const TEMPLATE: &str = "tamer.template";

/// What an instance is to a placement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// It is the placement's.
    Ours,
    /// It has the placement's name, and is somebody else's.
    Foreign,
    /// Nothing.
    None,
}

/// What this instance is to this placement. Its label says so; where a technology keeps no labels,
/// or too few, the name does, together with the mark of what Tamer made.
pub fn relation(order: &PlacementOrder, instance: &Instance) -> Relation {
    let named = order.instance.name.as_ref() == Some(&instance.name);
    match label(instance) {
        Some(id) if id == order.id && instance.managed => Relation::Ours,
        Some(_) | None if !named => Relation::None,
        None if instance.managed && is_unlabelled(instance) => Relation::Ours,
        Some(_) | None => Relation::Foreign,
    }
}

/// The placement that an instance says it is of.
pub fn label(instance: &Instance) -> Option<PlacementId> {
    instance.labels.get(PLACEMENT)?.parse().ok()
}

/// What is made for an order: its spec with our labels.
pub fn spec(order: &PlacementOrder) -> InstanceSpec {
    let mut spec = InstanceSpec::clone(&order.instance);
    spec.labels.extend([
        (PLACEMENT.to_owned(), order.id.to_string()),
        (WORKLOAD.to_owned(), order.workload.to_string()),
        (INDEX.to_owned(), order.index.to_string()),
        (TEMPLATE.to_owned(), order.template.to_string()),
    ]);
    spec
}

/// Whether labels that it should have may be missing: there are none, or so many that some are not
/// told.
fn is_unlabelled(instance: &Instance) -> bool {
    instance.labels.is_empty() || instance.labels.len() >= MAX_INSTANCE_LABELS
}

#[cfg(test)]
mod tests {
    use tamer_model::{InstanceKind, InstanceState, MANAGED_LABEL};

    use super::*;
    use crate::placements::kept::testing::order;

    fn instance(name: &str, managed: bool, labels: &[(&str, &str)]) -> Instance {
        let labels = labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Instance {
            native: "1".parse().expect("an id"),
            name: name.parse().expect("a name"),
            kind: InstanceKind::Container,
            state: InstanceState::Running,
            reason: None,
            image: None,
            created_at: None,
            exit_code: None,
            managed,
            labels,
            addresses: Vec::new(),
            ports: Vec::new(),
        }
    }

    #[test]
    fn only_what_we_made_for_it_is_ours() {
        let order = order(1);
        let name = order.instance.name.clone().expect("a name");
        let id = order.id.to_string();
        let other = PlacementId::from_bytes([9; 10]).to_string();
        for (name, managed, labels, expected) in [
            (name.as_str(), true, vec![(PLACEMENT, id.as_str())], Relation::Ours),
            ("renamed", true, vec![(PLACEMENT, &id)], Relation::Ours),
            // A copy of the labels does not make it ours.
            ("other", false, vec![(PLACEMENT, &id)], Relation::None),
            (name.as_str(), false, vec![(PLACEMENT, &id)], Relation::Foreign),
            (name.as_str(), true, vec![(PLACEMENT, &other)], Relation::Foreign),
            (name.as_str(), true, vec![(MANAGED_LABEL, "true")], Relation::Foreign),
            (name.as_str(), true, vec![], Relation::Ours),
            (name.as_str(), false, vec![], Relation::Foreign),
            ("other", true, vec![], Relation::None),
            ("other", true, vec![(PLACEMENT, &other)], Relation::None),
        ] {
            let instance = instance(name, managed, &labels);
            assert_eq!(relation(&order, &instance), expected, "{instance:?}");
        }
    }

    #[test]
    fn what_is_made_for_it_is_recognised() {
        let order = order(1);
        let spec = spec(&order);
        let labels: Vec<_> =
            spec.labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(labels.len(), 4);
        let made = instance("any", true, &labels);
        assert_eq!(relation(&order, &made), Relation::Ours);
        assert_eq!(label(&made), Some(order.id));
    }
}
