//! Instances and providers on the wire.

mod order;
mod spec;
mod stream;

use std::net::IpAddr;

use tamer_model::{
    Ability, Availability, Capabilities, Checkpoint, FleetInstance, Host, HostState, Instance,
    InstanceRef, MAX_INSTANCE_LABELS, Operation, Problem, ProviderStatus, Timestamp,
};

use crate::required::{optional, parse};
use crate::wire;

impl From<ProviderStatus> for wire::ProviderStatus {
    fn from(status: ProviderStatus) -> Self {
        let ProviderStatus { name, availability, capabilities } = status;
        let (version, endpoint, unavailable) = match availability {
            Availability::Available { version, endpoint } => (version, endpoint, None),
            Availability::Unavailable(problem) => {
                (String::new(), String::new(), Some(problem.into()))
            }
        };
        let capabilities = capabilities.into_iter().map(|(operation, ability)| {
            let (ability, why) = match ability {
                Ability::Yes => (wire::Ability::Yes, String::new()),
                Ability::No(why) => (wire::Ability::No, why),
                Ability::NotNow(why) => (wire::Ability::NotNow, why),
            };
            wire::Capability {
                operation: operation.as_str().to_owned(),
                ability: ability.into(),
                why,
            }
        });
        Self {
            name: name.into(),
            version,
            endpoint,
            unavailable,
            capabilities: capabilities.collect(),
        }
    }
}

impl TryFrom<wire::ProviderStatus> for ProviderStatus {
    type Error = Problem;

    /// Operations that this version does not know are left out: nobody here can ask for them.
    fn try_from(status: wire::ProviderStatus) -> Result<Self, Problem> {
        let wire::ProviderStatus { name, version, endpoint, unavailable, capabilities } = status;
        let availability = match unavailable {
            Some(problem) => Availability::Unavailable(problem.into()),
            None => Availability::Available { version, endpoint },
        };
        let known = capabilities.into_iter().filter_map(|capability| {
            let operation: Operation = capability.operation.parse().ok()?;
            let ability = match capability.ability() {
                wire::Ability::Yes => Ability::Yes,
                wire::Ability::No => Ability::No(capability.why),
                wire::Ability::NotNow => Ability::NotNow(capability.why),
                wire::Ability::Unspecified => return None,
            };
            Some((operation, ability))
        });
        let capabilities: Capabilities = known.collect();
        Ok(Self { name: name.try_into()?, availability, capabilities })
    }
}

impl From<InstanceRef> for wire::InstanceRef {
    fn from(reference: InstanceRef) -> Self {
        let InstanceRef { provider, native } = reference;
        Self { provider: provider.into(), native: native.into() }
    }
}

impl TryFrom<wire::InstanceRef> for InstanceRef {
    type Error = Problem;

    fn try_from(reference: wire::InstanceRef) -> Result<Self, Problem> {
        let wire::InstanceRef { provider, native } = reference;
        Ok(Self { provider: provider.try_into()?, native: native.try_into()? })
    }
}

impl From<Instance> for wire::Instance {
    fn from(instance: Instance) -> Self {
        let Instance {
            native,
            name,
            kind,
            state,
            reason,
            image,
            created_at,
            exit_code,
            managed,
            labels,
            addresses,
            ports,
        } = instance;
        Self {
            native: native.into(),
            name: name.into(),
            kind: kind.as_str().to_owned(),
            state: state.as_str().to_owned(),
            reason: reason.unwrap_or_default(),
            image: image.unwrap_or_default(),
            created_at: created_at.map(Timestamp::as_millis),
            exit_code,
            managed,
            labels: labels.into_iter().collect(),
            addresses: addresses.iter().map(IpAddr::to_string).collect(),
            ports: ports.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<wire::Instance> for Instance {
    type Error = Problem;

    fn try_from(instance: wire::Instance) -> Result<Self, Problem> {
        let wire::Instance {
            native,
            name,
            kind,
            state,
            reason,
            image,
            created_at,
            exit_code,
            managed,
            labels,
            addresses,
            ports,
        } = instance;
        if labels.len() > MAX_INSTANCE_LABELS {
            let message = format!("{} labels, more than {MAX_INSTANCE_LABELS}", labels.len());
            return Err(Problem::field("instance.labels", message));
        }
        let addresses = addresses.iter().map(|text| parse(text, "instance.addresses"));
        Ok(Self {
            native: native.try_into()?,
            name: name.try_into()?,
            kind: kind.parse()?,
            state: state.parse()?,
            reason: optional(reason),
            image: optional(image),
            created_at: created_at.map(Timestamp::from_millis),
            exit_code,
            managed,
            labels: labels.into_iter().collect(),
            addresses: addresses.collect::<Result<_, _>>()?,
            ports: ports.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
        })
    }
}

impl From<Checkpoint> for wire::Checkpoint {
    fn from(checkpoint: Checkpoint) -> Self {
        let Checkpoint { name, created_at, kind, size_bytes } = checkpoint;
        Self {
            name: name.into(),
            created_at: created_at.map(Timestamp::as_millis),
            kind: kind.as_str().to_owned(),
            size_bytes,
        }
    }
}

impl TryFrom<wire::Checkpoint> for Checkpoint {
    type Error = Problem;

    fn try_from(checkpoint: wire::Checkpoint) -> Result<Self, Problem> {
        let wire::Checkpoint { name, created_at, kind, size_bytes } = checkpoint;
        let created_at = created_at.map(Timestamp::from_millis);
        Ok(Self { name: name.try_into()?, created_at, kind: kind.parse()?, size_bytes })
    }
}

/// An instance of the fleet with what is known of its host.
#[derive(Debug, Clone)]
pub struct FleetInstanceView<'a> {
    /// The instance.
    pub instance: &'a FleetInstance,
    /// Its host.
    pub host: &'a Host,
    /// How its host is doing.
    pub state: HostState,
    /// Whether what is told is only what was last known.
    pub stale: bool,
}

impl From<FleetInstanceView<'_>> for wire::FleetInstance {
    fn from(view: FleetInstanceView<'_>) -> Self {
        let FleetInstanceView { instance, host, state, stale } = view;
        let FleetInstance { id, host: _, provider, told_at, instance } = instance.clone();
        Self {
            id: id.to_string(),
            host: host.id.to_string(),
            host_name: host.name.to_string(),
            host_state: state.as_str().to_owned(),
            provider: provider.into(),
            told_at: told_at.as_millis(),
            instance: Some(instance.into()),
            stale,
        }
    }
}
