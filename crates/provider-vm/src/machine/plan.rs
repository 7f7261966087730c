//! From a spec to a machine.

use tamer_model::{InstanceSpec, OptionValue, Timestamp};
use tamer_provider::{Fault, Options, Result};
use uuid::Uuid;

use super::refuse::refuse;
use super::{Accelerator, Bus, DiskMode, Firmware, Graphics, Machine, Source};
use crate::options::OPTIONS;
use crate::seed::Seed;

/// The memory of a machine whose spec does not say: 512 MiB.
const MEMORY_BYTES: u64 = 512 << 20;
/// What a machine that nobody names is called, before a piece of its id.
const NAME: &str = "machine";

/// What a plan needs to know that is not in the spec.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The id of the machine.
    pub uuid: Uuid,
    /// The time.
    pub now: Timestamp,
    /// The host's architecture, as libvirt names it.
    pub arch: &'a str,
    /// What runs machines whose spec does not say.
    pub accelerator: Accelerator,
    /// The folder that goes with the machine.
    pub folder: &'a str,
}

/// What to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The machine. Its disk is not known yet; it follows from the source.
    pub machine: Machine,
    /// What its disk is made of, and how.
    pub disk: Option<(Source, DiskMode)>,
    /// How large the disk shall be, in bytes.
    pub disk_bytes: Option<u64>,
    /// What its seed holds.
    pub seed: Option<Seed>,
}

/// Decides what the machine is. The spec's template was applied.
pub fn plan(spec: &InstanceSpec, facts: Facts<'_>) -> Result<Plan> {
    refuse(spec)?;
    let options = Options::check(&spec.options, OPTIONS)?;
    check_texts(spec)?;
    let name = match &spec.name {
        Some(name) => name.to_string(),
        None => format!("{NAME}-{}", &facts.uuid.simple().to_string()[..8]),
    };
    let disk = match &spec.disk {
        Some(text) => Some((Source::read(text)?, disk_mode(&options))),
        None if options.text("kernel").is_some() => None,
        None => {
            return Err(Fault::spec("template", "neither the template nor the spec gives a disk")
                .remedy("give the template a disk or the option kernel"));
        }
    };
    check_paths(&options)?;
    if spec.limits.disk_bytes.is_some() && !matches!(disk, Some((_, DiskMode::Overlay))) {
        return Err(Fault::spec("limits.disk_bytes", "only an overlay is given another size")
            .remedy("leave it out, or use the disk as an overlay"));
    }
    let seed = Seed::of(&options, &name, facts.uuid);
    let folder = facts.folder;
    let arch = facts.arch;
    let machine = Machine {
        uuid: facts.uuid,
        accelerator: match options.text("domain_type") {
            Some("kvm") => Accelerator::Kvm,
            Some("qemu") => Accelerator::Qemu,
            _ => facts.accelerator,
        },
        arch: arch.to_owned(),
        machine: match options.text("machine") {
            Some(machine) => machine.to_owned(),
            None if arch == "x86_64" => "q35".to_owned(),
            None => "virt".to_owned(),
        },
        vcpus: vcpus(spec.limits.cpu_millis),
        cpu_millis: spec.limits.cpu_millis,
        memory_kib: spec.limits.memory_bytes.unwrap_or(MEMORY_BYTES).div_ceil(1024),
        firmware: match options.text("firmware") {
            Some("uefi") => Firmware::Uefi,
            _ => Firmware::Bios,
        },
        kernel: options.text("kernel").map(str::to_owned),
        initrd: options.text("initrd").map(str::to_owned),
        cmdline: options.text("cmdline").map(str::to_owned),
        cpu: options.text("cpu").map(str::to_owned),
        disk: None,
        seed: seed.is_some().then(|| format!("{folder}/seed.img")),
        disk_bus: match options.text("disk_bus") {
            Some("scsi") => Bus::Scsi,
            Some("sata") => Bus::Sata,
            _ => Bus::Virtio,
        },
        networks: spec.networks.clone(),
        network_model: options.text("network_model").unwrap_or("virtio").to_owned(),
        guest_agent: on(spec, "guest_agent"),
        console_log: on(spec, "console").then(|| format!("{folder}/console.log")),
        graphics: match options.text("graphics") {
            Some("vnc") => Graphics::Vnc,
            Some("spice") => Graphics::Spice,
            _ => Graphics::None,
        },
        restart: spec.restart,
        labels: spec.labels.clone(),
        image: spec.template.clone().or_else(|| spec.disk.clone()),
        base: None,
        folder: Some(folder.to_owned()),
        created_at: facts.now,
        name,
    };
    Ok(Plan { machine, disk, disk_bytes: spec.limits.disk_bytes, seed })
}

/// Whole processors: what is left of the last one is taken back by a quota.
fn vcpus(cpu_millis: Option<u64>) -> u32 {
    let whole = cpu_millis.unwrap_or(1000).div_ceil(1000);
    u32::try_from(whole).unwrap_or(u32::MAX)
}

fn disk_mode(options: &Options<'_>) -> DiskMode {
    match options.text("disk_mode") {
        Some("copy") => DiskMode::Copy,
        Some("use") => DiskMode::Use,
        _ => DiskMode::Overlay,
    }
}

/// A flag that is on unless it is switched off.
fn on(spec: &InstanceSpec, key: &str) -> bool {
    spec.options.get(key) != Some(&OptionValue::Flag(false))
}

fn check_paths(options: &Options<'_>) -> Result<()> {
    for key in ["kernel", "initrd"] {
        if options.text(key).is_some_and(|path| !path.starts_with('/')) {
            return Err(Fault::spec(format!("options.{key}"), "it is not an absolute path"));
        }
    }
    for key in ["initrd", "cmdline"] {
        if options.text(key).is_some() && options.text("kernel").is_none() {
            return Err(Fault::spec(format!("options.{key}"), "it needs options.kernel"));
        }
    }
    Ok(())
}

/// Refuses what XML cannot carry.
fn check_texts(spec: &InstanceSpec) -> Result<()> {
    let odd = |text: &str| {
        text.contains(|c: char| {
            (c.is_control() && !"\t\n\r".contains(c)) || "\u{fffe}\u{ffff}".contains(c)
        })
    };
    let why = "it holds a control character, which libvirt cannot keep";
    if spec.name.as_ref().is_some_and(|name| odd(name.as_str())) {
        return Err(Fault::spec("name", why));
    }
    if let Some((key, _)) = spec.labels.iter().find(|(key, value)| odd(key) || odd(value)) {
        return Err(Fault::spec("labels", format!("{key:?}: {why}")));
    }
    if let Some(at) = spec.networks.iter().position(|network| odd(network)) {
        return Err(Fault::spec(format!("networks[{at}]"), why));
    }
    // What goes into the seed is bytes, not XML.
    let xml = |key: &str| !key.starts_with("cloud_init_");
    let bad = |value: &OptionValue| matches!(value, OptionValue::Text(text) if odd(text));
    match spec.options.iter().find(|(key, value)| xml(key) && bad(value)) {
        Some((key, _)) => Err(Fault::spec(format!("options.{key}"), why)),
        None => Ok(()),
    }
}
