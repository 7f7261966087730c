//! What a machine is in libvirt's words.

use tamer_model::RestartPolicy;

use super::Element;
use crate::machine::{Accelerator, Bus, Firmware, Graphics, Machine};

/// The namespace of what we keep with a domain.
pub const NAMESPACE: &str = "urn:tamer:machine:1";
/// The length of one period of a processor quota, in microseconds.
const PERIOD_US: u64 = 100_000;
/// How often a guest tells how much memory it uses, in seconds.
const MEMORY_PERIOD_S: u32 = 5;

/// The XML by which the machine is defined.
pub fn domain(machine: &Machine) -> String {
    let accelerator = match machine.accelerator {
        Accelerator::Kvm => "kvm",
        Accelerator::Qemu => "qemu",
        Accelerator::Test => "test",
    };
    let on_crash = match machine.restart {
        RestartPolicy::No => "destroy",
        RestartPolicy::OnFailure | RestartPolicy::UnlessStopped | RestartPolicy::Always => {
            "restart"
        }
    };
    Element::new("domain")
        .with("type", accelerator)
        .child(Element::text("name", &machine.name))
        .child(Element::text("uuid", machine.uuid))
        .child(mark(machine))
        .child(Element::text("memory", machine.memory_kib).with("unit", "KiB"))
        .child(Element::text("vcpu", machine.vcpus))
        .children(quota(machine))
        .child(os(machine))
        .child(features())
        .children(cpu(machine))
        .child(Element::new("clock").with("offset", "utc"))
        .child(Element::text("on_poweroff", "destroy"))
        .child(Element::text("on_reboot", "restart"))
        .child(Element::text("on_crash", on_crash))
        .child(devices(machine))
        .write()
}

/// The XML by which a checkpoint is made: everything inside the disks, memory too when it runs.
pub fn snapshot(name: &str) -> String {
    Element::new("domainsnapshot").child(Element::text("name", name)).write()
}

/// What only we need to know, kept by libvirt with the domain.
fn mark(machine: &Machine) -> Element {
    let mut mark = Element::new("tamer:machine")
        .with("xmlns:tamer", NAMESPACE)
        .with("created", machine.created_at.as_millis())
        .with("restart", machine.restart.as_str());
    let facts = [("image", &machine.image), ("base", &machine.base), ("folder", &machine.folder)];
    for (name, value) in facts {
        if let Some(value) = value {
            mark = mark.with(name, value);
        }
    }
    let label = |(key, value): (&String, &String)| {
        Element::new("tamer:label").with("key", key).with("value", value)
    };
    Element::new("metadata").child(mark.children(machine.labels.iter().map(label)))
}

/// How much of each processor the machine may use. QEMU's own threads are not counted.
fn quota(machine: &Machine) -> Option<Element> {
    let cpu_millis = machine.cpu_millis.filter(|millis| !millis.is_multiple_of(1000))?;
    let quota = cpu_millis * PERIOD_US / 1000 / u64::from(machine.vcpus);
    Some(
        Element::new("cputune")
            .child(Element::text("period", PERIOD_US))
            // The least that libvirt takes is a millisecond.
            .child(Element::text("quota", quota.max(1000))),
    )
}

fn os(machine: &Machine) -> Element {
    let mut os = Element::new("os");
    if machine.firmware == Firmware::Uefi {
        os = os.with("firmware", "efi");
    }
    let kind = Element::text("type", "hvm").with("arch", &machine.arch);
    let kind = match machine.accelerator {
        // It emulates nothing.
        Accelerator::Test => kind,
        Accelerator::Kvm | Accelerator::Qemu => kind.with("machine", &machine.machine),
    };
    os.child(kind)
        .children(machine.kernel.as_ref().map(|path| Element::text("kernel", path)))
        .children(machine.initrd.as_ref().map(|path| Element::text("initrd", path)))
        .children(machine.cmdline.as_ref().map(|line| Element::text("cmdline", line)))
        .children(machine.kernel.is_none().then(|| Element::new("boot").with("dev", "hd")))
}

/// Without ACPI a machine cannot be asked to stop.
fn features() -> Element {
    Element::new("features").child(Element::new("acpi")).child(Element::new("apic"))
}

fn cpu(machine: &Machine) -> Option<Element> {
    let mode = |mode| Element::new("cpu").with("mode", mode);
    match (machine.cpu.as_deref(), machine.accelerator) {
        (Some("host"), _) => Some(mode("host-passthrough")),
        (Some("max"), _) => Some(mode("maximum")),
        (Some(model), _) => Some(
            mode("custom")
                .with("match", "exact")
                .child(Element::text("model", model).with("fallback", "forbid")),
        ),
        (None, Accelerator::Kvm) => Some(mode("host-model")),
        // Emulation has its own sensible default.
        (None, Accelerator::Qemu | Accelerator::Test) => None,
    }
}

fn devices(machine: &Machine) -> Element {
    Element::new("devices")
        .children(
            machine
                .disk
                .as_ref()
                .map(|disk| drive(&disk.format, &disk.path, machine.disk_bus, "a")),
        )
        .children(
            machine.seed.as_ref().map(|path| {
                drive("raw", path, machine.disk_bus, "b").child(Element::new("readonly"))
            }),
        )
        .children(
            (machine.disk_bus == Bus::Scsi).then(|| {
                Element::new("controller").with("type", "scsi").with("model", "virtio-scsi")
            }),
        )
        .children(machine.networks.iter().map(|network| interface(machine, Some(network))))
        .children(machine.networks.is_empty().then(|| interface(machine, None)))
        .children(machine.console_log.as_ref().map(|log| {
            Element::new("serial")
                .with("type", "pty")
                // Appended: what an earlier run said is often why one looks.
                .child(Element::new("log").with("file", log).with("append", "on"))
                .child(Element::new("target").with("port", 0))
        }))
        .children(machine.guest_agent.then(|| {
            Element::new("channel").with("type", "unix").child(
                Element::new("target")
                    .with("type", "virtio")
                    .with("name", "org.qemu.guest_agent.0"),
            )
        }))
        .children(graphics(machine.graphics))
        .child(
            Element::new("memballoon")
                .with("model", "virtio")
                .child(Element::new("stats").with("period", MEMORY_PERIOD_S)),
        )
        .child(
            Element::new("rng")
                .with("model", "virtio")
                .child(Element::text("backend", "/dev/urandom").with("model", "random")),
        )
        // Only with it does a guest's kernel tell that it panicked.
        .children(
            (machine.restart != RestartPolicy::No && machine.arch == "x86_64")
                .then(|| Element::new("panic").with("model", "isa")),
        )
}

fn drive(format: &str, path: &str, bus: Bus, letter: &str) -> Element {
    let (prefix, bus) = match bus {
        Bus::Virtio => ("vd", "virtio"),
        Bus::Scsi => ("sd", "scsi"),
        Bus::Sata => ("sd", "sata"),
    };
    Element::new("disk")
        .with("type", "file")
        .with("device", "disk")
        .child(Element::new("driver").with("name", "qemu").with("type", format))
        .child(Element::new("source").with("file", path))
        .child(Element::new("target").with("dev", format!("{prefix}{letter}")).with("bus", bus))
}

/// A network card on a network of libvirt; without one, behind QEMU, which needs no rights and lets
/// nothing in.
fn interface(machine: &Machine, network: Option<&String>) -> Element {
    let interface = match network {
        Some(network) => Element::new("interface")
            .with("type", "network")
            .child(Element::new("source").with("network", network)),
        None => Element::new("interface").with("type", "user"),
    };
    interface
        .child(Element::new("model").with("type", &machine.network_model))
        // Machines boot from their disk or kernel: the card's own boot program only takes time.
        .child(Element::new("rom").with("enabled", "no"))
}

fn graphics(graphics: Graphics) -> Vec<Element> {
    let kind = match graphics {
        Graphics::None => return Vec::new(),
        Graphics::Vnc => "vnc",
        Graphics::Spice => "spice",
    };
    // Only the host itself may look: a display has no password here.
    let listen = Element::new("listen").with("type", "address").with("address", "127.0.0.1");
    let video = Element::new("video").child(Element::new("model").with("type", "vga"));
    vec![Element::new("graphics").with("type", kind).with("autoport", "yes").child(listen), video]
}
