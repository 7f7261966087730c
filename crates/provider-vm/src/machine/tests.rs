//! From specs to the XML of domains, and what is refused.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use tamer_model::{
    InstanceSpec, Limits, Mount, MountKind, OptionValue, Port, Protocol, RestartPolicy, Timestamp,
};
use tamer_provider::FaultKind;
use uuid::Uuid;

use super::{Accelerator, DiskFile, DiskMode, Facts, Machine, Plan, Source, plan};
use crate::xml::{Domain, domain};

const FACTS: Facts<'static> = Facts {
    uuid: Uuid::from_bytes([7; 16]),
    now: Timestamp::from_millis(1_700_000_000_000),
    arch: "x86_64",
    accelerator: Accelerator::Qemu,
    folder: "/m/07070707",
};

fn text(text: &str) -> OptionValue {
    OptionValue::Text(text.to_owned())
}

fn options(pairs: &[(&str, OptionValue)]) -> BTreeMap<String, OptionValue> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

fn disk() -> InstanceSpec {
    InstanceSpec {
        name: Some("web".parse().expect("a name")),
        disk: Some("/images/debian.qcow2".to_owned()),
        ..InstanceSpec::default()
    }
}

fn planned(spec: &InstanceSpec) -> Plan {
    plan(&spec.clone().validate().expect("valid"), FACTS).expect("planned")
}

/// The XML of a spec whose disk was made, which must read back as what went in.
#[track_caller]
fn xml(spec: &InstanceSpec) -> String {
    let Plan { machine, disk, .. } = planned(spec);
    let made = |_| DiskFile { path: "/m/07070707/disk.qcow2".into(), format: "qcow2".into() };
    let machine = Machine { disk: disk.map(made), ..machine };
    let xml = domain(&machine);
    let read = Domain::read(&xml).expect("read back");
    assert_eq!(read.name.as_str(), machine.name);
    assert_eq!(read.console_log, machine.console_log);
    assert_eq!(read.has_agent_channel, machine.guest_agent);
    let mark = read.mark.expect("the mark");
    assert_eq!(mark.labels, machine.labels);
    assert_eq!((mark.image, mark.folder), (machine.image, machine.folder));
    assert_eq!((mark.created_at, mark.restart), (Some(machine.created_at), machine.restart));
    xml
}

#[test]
fn a_plain_machine() {
    assert_snapshot!(xml(&disk()));
}

#[test]
fn everything_at_once() {
    let spec = InstanceSpec {
        name: Some("größe <&> \"co\"".parse().expect("a name")),
        labels: [("note".to_owned(), "a < b & \"c\"\n\tnext".to_owned())].into(),
        limits: Limits { cpu_millis: Some(2500), memory_bytes: Some(1 << 30), ..Limits::default() },
        networks: vec!["lan".to_owned(), "a&b".to_owned()],
        restart: RestartPolicy::OnFailure,
        options: options(&[
            ("kernel", text("/k")),
            ("initrd", text("/i")),
            ("cmdline", text("a=\"b\" c<d")),
            ("machine", text("pc")),
            ("domain_type", text("kvm")),
            ("firmware", text("uefi")),
            ("cloud_init_user_data", text("#cloud-config\n")),
            ("guest_agent", OptionValue::Flag(false)),
            ("disk_bus", text("scsi")),
            ("network_model", text("e1000")),
            ("cpu", text("max")),
            ("graphics", text("vnc")),
        ]),
        ..disk()
    };
    assert_snapshot!(xml(&spec));
    let seed = planned(&spec).seed.expect("a seed");
    assert_eq!(seed.user_data, "#cloud-config\n");
    let wanted =
        "instance-id: 07070707-0707-0707-0707-070707070707\nlocal-hostname: größe <&> \"co\"\n";
    assert_eq!(seed.meta_data, wanted);
}

#[test]
fn a_kernel_without_a_disk_and_a_console() {
    let spec = InstanceSpec {
        template: Some("tiny".to_owned()),
        disk: None,
        name: None,
        options: options(&[("kernel", text("/k")), ("console", OptionValue::Flag(false))]),
        ..disk()
    };
    assert_snapshot!(xml(&spec));
}

#[test]
fn processors_are_whole_and_the_rest_is_a_quota() {
    for (millis, vcpus, quota) in [
        (None, 1, None),
        (Some(1), 1, Some("<quota>1000</quota>")),
        (Some(500), 1, Some("<quota>50000</quota>")),
        (Some(2000), 2, None),
        (Some(1500), 2, Some("<quota>75000</quota>")),
    ] {
        let limits = Limits { cpu_millis: millis, ..Limits::default() };
        let xml = xml(&InstanceSpec { limits, ..disk() });
        assert!(xml.contains(&format!("<vcpu>{vcpus}</vcpu>")), "{millis:?}: {xml}");
        assert_eq!(xml.contains("<cputune>"), quota.is_some(), "{millis:?}: {xml}");
        assert!(xml.contains(quota.unwrap_or("")), "{millis:?}: {xml}");
    }
}

#[test]
fn disks_are_files_or_volumes() {
    let source = |text: &str| Source::read(text).map_err(|fault| fault.field);
    let volume =
        |pool: &str, volume: &str| Source::Volume { pool: pool.into(), volume: volume.into() };
    assert_eq!(source("/a/b"), Ok(Source::File("/a/b".to_owned())));
    assert_eq!(source("pool/disk.img"), Ok(volume("pool", "disk.img")));
    for bad in ["disk.img", "a/b/c", "pool/"] {
        let read = source(bad);
        assert_eq!(read, Err(Some("disk".to_owned())), "{bad:?}");
    }
    let mode = |word: &str| {
        let spec = InstanceSpec { options: options(&[("disk_mode", text(word))]), ..disk() };
        planned(&spec).disk.expect("a disk").1
    };
    let modes = ["overlay", "copy", "use"].map(mode);
    assert_eq!(modes, [DiskMode::Overlay, DiskMode::Copy, DiskMode::Use]);
}

#[track_caller]
fn refused(spec: &InstanceSpec, field: &str) {
    let fault = plan(spec, FACTS).expect_err(field);
    assert_eq!(fault.kind, FaultKind::InvalidSpec, "{fault:?}");
    assert_eq!(fault.field.as_deref(), Some(field), "{fault:?}");
    assert!(!fault.remedy.is_empty());
}

#[test]
fn what_a_machine_cannot_have_is_refused_by_its_field() {
    let image = Some("busybox".to_owned());
    refused(&InstanceSpec { image, disk: None, ..disk() }, "image");
    refused(&InstanceSpec { command: vec!["a".into()], ..disk() }, "command");
    refused(&InstanceSpec { env: [("A".into(), "b".into())].into(), ..disk() }, "env");
    refused(&InstanceSpec { workdir: Some("/".into()), ..disk() }, "workdir");
    refused(&InstanceSpec { user: Some("root".into()), ..disk() }, "user");
    let mount =
        Mount { kind: MountKind::Bind, source: "/a".into(), target: "/b".into(), read_only: false };
    refused(&InstanceSpec { mounts: vec![mount], ..disk() }, "mounts[0]");
    let port = Port { instance: 80, host: None, address: None, protocol: Protocol::Tcp };
    refused(&InstanceSpec { ports: vec![port], ..disk() }, "ports[0]");
    let limits = |limits| InstanceSpec { limits, ..disk() };
    refused(&limits(Limits { pids: Some(5), ..Limits::default() }), "limits.pids");
    refused(&InstanceSpec { restart: RestartPolicy::Always, ..disk() }, "restart");
    let given = |pairs: &[_]| InstanceSpec { options: options(pairs), ..disk() };
    refused(&given(&[("initrd", text("/i"))]), "options.initrd");
    refused(&given(&[("kernel", text("relative"))]), "options.kernel");
    refused(&given(&[("cmdline", text("a\u{1}"))]), "options.cmdline");
    refused(&given(&[("firmware", text("openfirmware"))]), "options.firmware");
    let copied = InstanceSpec {
        options: options(&[("disk_mode", text("copy"))]),
        ..limits(Limits { disk_bytes: Some(1 << 30), ..Limits::default() })
    };
    refused(&copied, "limits.disk_bytes");
    let labels = [("a".to_owned(), "\u{7}".to_owned())].into();
    refused(&InstanceSpec { labels, ..disk() }, "labels");
    let nothing = InstanceSpec { disk: None, template: Some("t".into()), ..disk() };
    refused(&nothing, "template");
}
