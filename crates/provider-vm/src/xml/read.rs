//! What a domain's XML tells, as far as we care.

use std::collections::BTreeMap;

use tamer_model::{InstanceName, MAX_INSTANCE_LABELS, RestartPolicy, Timestamp};

use super::{Element, NAMESPACE};

/// A domain, read from its XML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// Its name.
    pub name: InstanceName,
    /// `kvm`, `qemu`, `test` …
    pub accelerator: String,
    /// The machine it emulates, with its version: `pc-q35-7.2`.
    pub machine: String,
    /// Processors.
    pub vcpus: u64,
    /// Memory, in bytes.
    pub memory_bytes: u64,
    /// Its drives.
    pub disks: Vec<Disk>,
    /// Its network cards.
    pub interfaces: Vec<Interface>,
    /// The file in which its console is written.
    pub console_log: Option<String>,
    /// Whether it has the channel of a guest agent.
    pub has_agent_channel: bool,
    /// What we keep with the domains that we made.
    pub mark: Option<Mark>,
}

/// What we keep with a domain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mark {
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// What it was made of.
    pub image: Option<String>,
    /// The file that its disk was made of.
    pub base: Option<String>,
    /// The folder that goes with it.
    pub folder: Option<String>,
    /// What happens when it ends.
    pub restart: RestartPolicy,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// A drive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// What the guest calls it: `vda`.
    pub target: String,
    /// Its file or device, or `POOL/VOLUME`; empty drives have none.
    pub source: Option<String>,
    /// How it is written: `qcow2`, `raw`.
    pub format: String,
    /// `disk`, `cdrom`, `floppy`, `lun`.
    pub device: String,
    /// Whether it can only be read.
    pub read_only: bool,
}

/// A network card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// The network it is on; none for a bridge, a device of the host or `user`.
    pub network: Option<String>,
    /// `network`, `bridge`, `user` …
    pub kind: String,
    /// Its hardware address.
    pub mac: Option<String>,
}

impl Domain {
    /// Reads it. The error says what is wrong.
    pub fn read(xml: &str) -> Result<Self, String> {
        Self::of(&Element::read(xml)?)
    }

    /// Takes it out of a tree that was read.
    pub fn of(root: &Element) -> Result<Self, String> {
        if root.name != "domain" {
            return Err(format!("it is a {}, not a domain", root.name));
        }
        let text = |path: &[&str]| root.text_at(path).unwrap_or_default();
        let console = ["serial", "console"].into_iter().find_map(|kind| {
            Some(root.at(&["devices", kind, "log"])?.attribute("file")?.to_owned())
        });
        let devices = |kind: &'static str| {
            root.at(&["devices"]).into_iter().flat_map(move |devices| devices.all(kind))
        };
        Ok(Self {
            name: text(&["name"]).parse().map_err(|problem| format!("{problem}"))?,
            accelerator: root.attribute("type").unwrap_or_default().to_owned(),
            machine: root
                .at(&["os", "type"])
                .and_then(|os| os.attribute("machine"))
                .unwrap_or_default()
                .to_owned(),
            vcpus: text(&["vcpu"]).trim().parse().unwrap_or_default(),
            memory_bytes: root.at(&["memory"]).and_then(memory).unwrap_or_default(),
            disks: devices("disk").map(disk).collect(),
            interfaces: devices("interface").map(interface).collect(),
            console_log: console,
            has_agent_channel: devices("channel").any(|channel| {
                let name = channel.at(&["target"]).and_then(|target| target.attribute("name"));
                name == Some("org.qemu.guest_agent.0")
            }),
            mark: root.at(&["metadata"]).and_then(mark),
        })
    }
}

/// libvirt keeps the namespace and may choose another prefix, so that the prefix says nothing.
fn mark(metadata: &Element) -> Option<Mark> {
    let ours = |element: &&Element| {
        element
            .attributes
            .iter()
            .any(|(name, value)| name.starts_with("xmlns") && value == NAMESPACE)
    };
    let mark = metadata.children.iter().find(ours)?;
    let own = |name: &str| mark.attribute(name).map(str::to_owned);
    let label = |element: &Element| {
        let key = element.attribute("key")?.to_owned();
        Some((key, element.attribute("value")?.to_owned()))
    };
    Some(Mark {
        created_at: own("created").and_then(|ms| ms.parse().ok()).map(Timestamp::from_millis),
        image: own("image"),
        base: own("base"),
        folder: own("folder"),
        restart: own("restart").and_then(|word| word.parse().ok()).unwrap_or_default(),
        labels: mark.children.iter().filter_map(label).take(MAX_INSTANCE_LABELS).collect(),
    })
}

fn memory(element: &Element) -> Option<u64> {
    let number: u64 = element.text.trim().parse().ok()?;
    let unit = match element.attribute("unit") {
        Some("b" | "bytes") => 1,
        None | Some("k" | "KiB") => 1 << 10,
        Some("M" | "MiB") => 1 << 20,
        Some("G" | "GiB") => 1 << 30,
        Some("T" | "TiB") => 1 << 40,
        // The others are powers of ten, which libvirt takes and never writes.
        Some(_) => return None,
    };
    number.checked_mul(unit)
}

fn disk(element: &Element) -> Disk {
    let of = |child: &str, name: &str| {
        element.at(&[child]).and_then(|child| child.attribute(name)).map(str::to_owned)
    };
    let volume = || Some(format!("{}/{}", of("source", "pool")?, of("source", "volume")?));
    Disk {
        target: of("target", "dev").unwrap_or_default(),
        source: of("source", "file").or_else(|| of("source", "dev")).or_else(volume),
        format: of("driver", "type").unwrap_or_else(|| "raw".to_owned()),
        device: element.attribute("device").unwrap_or("disk").to_owned(),
        read_only: element.at(&["readonly"]).is_some(),
    }
}

fn interface(element: &Element) -> Interface {
    let of = |child: &str, name: &str| {
        element.at(&[child]).and_then(|child| child.attribute(name)).map(str::to_owned)
    };
    Interface {
        network: of("source", "network"),
        kind: element.attribute("type").unwrap_or_default().to_owned(),
        mac: of("mac", "address"),
    }
}
