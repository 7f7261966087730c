//! Everything worth knowing, with what depends on what.

use std::collections::{BTreeMap, BTreeSet};

use tamer_model::{Checkpoint, Resource, ResourceKind, ResourceRef};
use tamer_provider::{FaultKind, Image, Result};

use super::MachineProvider;
use super::checkpoint::checkpoints;
use super::image::{Found, served, volumes};
use super::look::native;
use super::probe::version;
use crate::faults::fault;
use crate::rpc::{Domain, Network, Pool};
use crate::session::Live;
use crate::xml::{self, Element};

type Attributes = BTreeMap<String, String>;

impl MachineProvider {
    pub(super) async fn scanned(&self) -> Result<Vec<Resource>> {
        let live = self.session.live().await?;
        let world = World::look(self, &live).await?;
        let mut resources = vec![self.technology(&live, &world).await?];
        resources.extend(world.images.iter().map(image));
        resources.extend(world.volumes.iter().flatten().map(|found| volume(found, &world)));
        resources.extend(world.networks.iter().flatten().map(|(network, xml)| net(network, xml)));
        resources.extend(world.pools.iter().flatten().map(|(known, xml)| pool(known, xml)));
        let what = "cannot list the machines";
        for domain in live.quick.domains().await.map_err(|error| fault(&error, what))? {
            match self.domain(&live, &domain, &world).await {
                Ok(found) => resources.extend(found),
                // Removed since it was listed.
                Err(fault) if fault.kind == FaultKind::NotFound => {}
                Err(fault) => return Err(fault),
            }
        }
        resources.sort_by(|a, b| a.reference.cmp(&b.reference));
        resources.dedup_by(|a, b| a.reference == b.reference);
        Ok(resources)
    }

    async fn technology(&self, live: &Live, world: &World) -> Result<Resource> {
        let what = "libvirt does not tell its version";
        let own = live.quick.lib_version().await.map_err(|error| fault(&error, what))?;
        let driver = live.quick.version().await.map_err(|error| fault(&error, what))?;
        let told = |there: bool| if there { "served" } else { "not installed" }.to_owned();
        let attributes = [
            ("version", version(own)),
            ("hypervisor", version(driver)),
            ("uri", self.settings.uri.clone()),
            ("networks", told(world.networks.is_some())),
            ("storage", told(world.volumes.is_some())),
        ];
        Ok(Resource {
            reference: reference(ResourceKind::Technology, "libvirt"),
            name: "libvirt".to_owned(),
            attributes: attributes.map(|(key, value)| (key.to_owned(), value)).into(),
            depends_on: Vec::new(),
        })
    }

    /// A machine and its checkpoints.
    async fn domain(&self, live: &Live, domain: &Domain, world: &World) -> Result<Vec<Resource>> {
        let known = live.book.read(&live.quick, domain).await?;
        let id = native(domain).to_string();
        let saved = if self.is_qemu() { checkpoints(live, domain).await? } else { Vec::new() };
        let saved = saved.iter().map(|one| checkpoint(&id, one));
        let machine = Resource {
            reference: reference(ResourceKind::Instance, &id),
            name: known.name.to_string(),
            attributes: attributes(&known),
            depends_on: world.needed(&known),
        };
        Ok(std::iter::once(machine).chain(saved).collect())
    }
}

/// What machines may depend on.
struct World {
    images: Vec<Image>,
    volumes: Option<Vec<Found>>,
    networks: Option<Vec<(Network, Element)>>,
    pools: Option<Vec<(Pool, Element)>>,
}

impl World {
    async fn look(provider: &MachineProvider, live: &Live) -> Result<Self> {
        let quick = &live.quick;
        let networks = match served(quick.networks().await, "cannot list the networks")? {
            None => None,
            Some(listed) => {
                let mut networks = Vec::with_capacity(listed.len());
                for network in listed {
                    // Removed since it was listed, when it is not there.
                    let Ok(text) = quick.network_xml(&network).await else { continue };
                    let xml = Element::read(&text).unwrap_or_default();
                    networks.push((network, xml));
                }
                Some(networks)
            }
        };
        let pools = match served(quick.pools().await, "cannot list the pools")? {
            None => None,
            Some(listed) => {
                let mut pools = Vec::with_capacity(listed.len());
                for pool in listed {
                    let Ok(text) = quick.pool_xml(&pool).await else { continue };
                    let xml = Element::read(&text).unwrap_or_default();
                    pools.push((pool, xml));
                }
                Some(pools)
            }
        };
        // What belongs to a machine alone is told with the machine.
        let machines = &provider.settings.machines;
        let volumes = volumes(live).await?.map(|mut volumes| {
            volumes.retain(|found| !found.is_in(machines));
            volumes
        });
        Ok(Self { images: provider.files().await?, volumes, networks, pools })
    }

    fn needed(&self, machine: &xml::Domain) -> Vec<ResourceRef> {
        let mark = machine.mark.iter().flat_map(|mark| mark.image.iter().chain(&mark.base));
        let disks = machine.disks.iter().filter_map(|disk| disk.source.as_ref());
        let mut needed = BTreeSet::new();
        for name in mark.chain(disks) {
            let image = |image: &&Image| image.id == *name || image.references.contains(name);
            let images = self.images.iter().filter(image);
            needed.extend(images.map(|image| reference(ResourceKind::Image, &image.id)));
            let found = self.volumes.iter().flatten();
            let found = found.filter(|found| found.path == *name || found.id() == *name);
            needed.extend(found.map(|found| reference(ResourceKind::Volume, &found.id())));
        }
        for name in machine.interfaces.iter().filter_map(|card| card.network.as_ref()) {
            let there = self.networks.iter().flatten().filter(|(network, _)| network.name == *name);
            needed.extend(there.map(|(n, _)| reference(ResourceKind::Network, &uuid(&n.uuid))));
        }
        needed.into_iter().collect()
    }
}

fn attributes(machine: &xml::Domain) -> Attributes {
    let mut told = Attributes::new();
    let mut tell = |key: String, value: String| drop(told.insert(key, value));
    tell("accelerator".to_owned(), machine.accelerator.clone());
    tell("machine".to_owned(), machine.machine.clone());
    tell("vcpus".to_owned(), machine.vcpus.to_string());
    tell("limits.memory_bytes".to_owned(), machine.memory_bytes.to_string());
    tell("managed".to_owned(), machine.mark.is_some().to_string());
    tell("guest_agent".to_owned(), machine.has_agent_channel.to_string());
    for disk in &machine.disks {
        tell(format!("disks.{}.source", disk.target), disk.source.clone().unwrap_or_default());
        tell(format!("disks.{}.format", disk.target), disk.format.clone());
    }
    for (at, card) in machine.interfaces.iter().enumerate() {
        tell(format!("interfaces.{at}.kind"), card.kind.clone());
        if let Some(network) = &card.network {
            tell(format!("interfaces.{at}.network"), network.clone());
        }
        if let Some(mac) = &card.mac {
            tell(format!("interfaces.{at}.mac"), mac.clone());
        }
    }
    if let Some(mark) = &machine.mark {
        tell("restart".to_owned(), mark.restart.as_str().to_owned());
        if let Some(image) = &mark.image {
            tell("image".to_owned(), image.clone());
        }
        for (key, value) in &mark.labels {
            tell(format!("labels.{key}"), value.clone());
        }
    }
    told
}

fn checkpoint(machine: &str, checkpoint: &Checkpoint) -> Resource {
    let mut attributes = Attributes::new();
    attributes.insert("kind".to_owned(), checkpoint.kind.as_str().to_owned());
    Resource {
        reference: reference(ResourceKind::Checkpoint, &format!("{machine}/{}", checkpoint.name)),
        name: checkpoint.name.to_string(),
        attributes,
        depends_on: vec![reference(ResourceKind::Instance, machine)],
    }
}

fn image(image: &Image) -> Resource {
    let mut attributes = Attributes::new();
    if let Some(bytes) = image.size_bytes {
        attributes.insert("size_bytes".to_owned(), bytes.to_string());
    }
    Resource {
        reference: reference(ResourceKind::Image, &image.id),
        name: image.references.first().unwrap_or(&image.id).clone(),
        attributes,
        depends_on: Vec::new(),
    }
}

/// Its allocation moves while a machine writes, its capacity does not.
fn volume(found: &Found, world: &World) -> Resource {
    let attributes =
        [("path", found.path.clone()), ("capacity_bytes", found.info.capacity.to_string())];
    let pool = world.pools.iter().flatten().find(|(pool, _)| pool.name == found.volume.pool);
    Resource {
        reference: reference(ResourceKind::Volume, &found.id()),
        name: found.volume.name.clone(),
        attributes: attributes.map(|(key, value)| (key.to_owned(), value)).into(),
        depends_on: pool
            .map(|(p, _)| reference(ResourceKind::Pool, &uuid(&p.uuid)))
            .into_iter()
            .collect(),
    }
}

fn net(network: &Network, xml: &Element) -> Resource {
    let mut attributes = Attributes::new();
    let mode = xml.at(&["forward"]).map_or("isolated", |f| f.attribute("mode").unwrap_or("nat"));
    attributes.insert("forward".to_owned(), mode.to_owned());
    if let Some(bridge) = xml.at(&["bridge"]).and_then(|bridge| bridge.attribute("name")) {
        attributes.insert("bridge".to_owned(), bridge.to_owned());
    }
    for (at, ip) in xml.all("ip").enumerate() {
        for key in ["address", "netmask", "prefix"] {
            if let Some(value) = ip.attribute(key) {
                attributes.insert(format!("ip.{at}.{key}"), value.to_owned());
            }
        }
    }
    Resource {
        reference: reference(ResourceKind::Network, &uuid(&network.uuid)),
        name: network.name.clone(),
        attributes,
        depends_on: Vec::new(),
    }
}

fn pool(pool: &Pool, xml: &Element) -> Resource {
    let mut attributes = Attributes::new();
    if let Some(kind) = xml.attribute("type") {
        attributes.insert("type".to_owned(), kind.to_owned());
    }
    if let Some(path) = xml.text_at(&["target", "path"]) {
        attributes.insert("path".to_owned(), path.to_owned());
    }
    Resource {
        reference: reference(ResourceKind::Pool, &uuid(&pool.uuid)),
        name: pool.name.clone(),
        attributes,
        depends_on: Vec::new(),
    }
}

fn reference(kind: ResourceKind, id: &str) -> ResourceRef {
    ResourceRef { kind, id: id.to_owned() }
}

fn uuid(bytes: &[u8; 16]) -> String {
    uuid::Uuid::from_bytes(*bytes).to_string()
}
