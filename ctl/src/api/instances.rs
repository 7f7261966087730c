//! The calls about instances.

use tamer_model::Problem;
use tamer_proto::{Required, wire};
use tonic::Streaming;
use wire::instance_event::Event;

use super::{Api, answer};
use crate::contract::{Instance, InstanceDetail};
use crate::errors::of_status;

/// Which instances are meant: all that fit every part that is given. The default means all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// A selector over hosts.
    pub hosts: String,
    /// A selector over instances.
    pub instances: String,
    /// Ids, HOST/NAME, or names that only one has.
    pub named: Vec<String>,
}

impl Selection {
    /// The one instance of this id or name.
    pub fn one(name: &str) -> Self {
        Self { named: vec![name.to_owned()], ..Self::default() }
    }

    /// Whether every instance of the fleet is meant.
    pub fn is_all(&self) -> bool {
        self.hosts.is_empty() && self.instances.is_empty() && self.named.is_empty()
    }
}

impl From<Selection> for wire::InstanceSelection {
    fn from(selection: Selection) -> Self {
        let Selection { hosts, instances, named } = selection;
        Self { hosts, instances, named }
    }
}

/// What a watch of instances tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstanceChange {
    /// An instance as it stands.
    Put(Box<Instance>),
    /// The instance of this id is no more, or is not meant any more.
    Gone(String),
    /// Every instance was told once.
    Snapshotted,
}

/// The events of watched instances.
#[derive(Debug)]
pub struct InstanceEvents(Streaming<wire::InstanceEvent>);

impl Api {
    /// The instances that are meant, by host, provider and name.
    pub async fn instances(&mut self, selection: &Selection) -> Result<Vec<Instance>, Problem> {
        let mut instances = Vec::new();
        let mut page_token = String::new();
        loop {
            let selection = Some(selection.clone().into());
            let request = wire::ListInstancesRequest { selection, limit: 0, page_token };
            let page = answer(self.client.list_instances(request).await)?;
            for instance in page.instances {
                instances.push(instance.try_into()?);
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(instances);
            }
        }
    }

    /// The instances that are meant, and then every change of them.
    pub async fn watch_instances(
        &mut self,
        selection: &Selection,
    ) -> Result<InstanceEvents, Problem> {
        let request = wire::WatchInstancesRequest { selection: Some(selection.clone().into()) };
        answer(self.client.watch_instances(request).await).map(InstanceEvents)
    }

    /// What the fleet and the technology know of one instance.
    pub async fn describe_instance(&mut self, name: &str) -> Result<InstanceDetail, Problem> {
        let request = wire::DescribeInstanceRequest { instance: name.to_owned() };
        answer(self.client.describe_instance(request).await)?.try_into()
    }
}

impl InstanceEvents {
    /// The next event, or `None` when the coordinator ends the stream. Dropping the future loses
    /// nothing.
    pub async fn next(&mut self) -> Result<Option<InstanceChange>, Problem> {
        loop {
            let Some(told) = self.0.message().await.map_err(of_status)? else { return Ok(None) };
            return Ok(Some(match told.event {
                Some(Event::Put(instance)) => InstanceChange::Put(Box::new(instance.try_into()?)),
                Some(Event::Gone(id)) => {
                    let id = Some(id).filter(|id| !id.is_empty()).required("gone")?;
                    InstanceChange::Gone(id)
                }
                Some(Event::Snapshotted(wire::Snapshotted {})) => InstanceChange::Snapshotted,
                // An event that a newer coordinator knows and this program does not.
                None => continue,
            }));
        }
    }
}
