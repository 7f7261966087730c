//! What a spec can ask of a machine beyond what all instances have.

use tamer_provider::{OptionKind, OptionSpec};

const fn option(key: &'static str, kind: OptionKind, about: &'static str) -> OptionSpec {
    OptionSpec { key, kind, about }
}

/// Every option of this provider.
pub const OPTIONS: &[OptionSpec] = &[
    option(
        "cloud_init_meta_data",
        OptionKind::Text,
        "The meta-data of the cloud-init seed; instance-id and local-hostname when absent.",
    ),
    option(
        "cloud_init_network",
        OptionKind::Text,
        "The network-config of the cloud-init seed; none when absent.",
    ),
    option(
        "cloud_init_user_data",
        OptionKind::Text,
        "The user-data of the cloud-init seed, a read-only disk labelled cidata; no seed when no \
         cloud_init option is given.",
    ),
    option("cmdline", OptionKind::Text, "The kernel's command line; needs kernel."),
    option(
        "console",
        OptionKind::Flag,
        "Whether it has a serial console, whose output is its log; on when absent.",
    ),
    option(
        "cpu",
        OptionKind::Text,
        "The processor model: host, max or a name of libvirt; the accelerator's default when absent.",
    ),
    option(
        "disk_bus",
        OptionKind::Word(&["virtio", "scsi", "sata"]),
        "How its disks are attached; virtio when absent.",
    ),
    option(
        "disk_mode",
        OptionKind::Word(&["overlay", "copy", "use"]),
        "Whether the disk is kept as it is under a layer of the machine's own, copied, or used and \
         changed itself (it stays when the machine is removed); overlay when absent.",
    ),
    option(
        "domain_type",
        OptionKind::Word(&["auto", "kvm", "qemu"]),
        "Whether the hardware helps (kvm) or everything is emulated (qemu); the agent's setting when \
         absent.",
    ),
    option(
        "firmware",
        OptionKind::Word(&["bios", "uefi"]),
        "What boots it; bios when absent. A machine with uefi cannot be checkpointed.",
    ),
    option(
        "graphics",
        OptionKind::Word(&["none", "vnc", "spice"]),
        "A display, which only the host itself can look at; none when absent.",
    ),
    option(
        "guest_agent",
        OptionKind::Flag,
        "Whether it has the channel of the QEMU guest agent, which exec needs; on when absent.",
    ),
    option("initrd", OptionKind::Text, "An absolute path on the host; needs kernel."),
    option(
        "kernel",
        OptionKind::Text,
        "A kernel that is booted directly, by its absolute path on the host; its disk boots when absent.",
    ),
    option(
        "machine",
        OptionKind::Text,
        "The machine it emulates, as QEMU names it; q35 on x86_64, virt elsewhere when absent.",
    ),
    option(
        "network_model",
        OptionKind::Text,
        "The model of its network cards; virtio when absent.",
    ),
];
