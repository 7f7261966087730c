//! A tiny Linux for virtual machines: busybox and the guest agent of QEMU in an initramfs, on the
//! kernel of `linux-image-cloud-amd64`. It boots to a shell on the serial console in some seconds,
//! also without hardware support.

use std::ffi::OsStr;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// The kernel's command line with which the guest talks on its serial console. An emulated timer on
/// a busy machine is not as prompt as the kernel's check wants it, which would be a panic.
pub const CMDLINE: &str = "console=ttyS0 quiet mitigations=off no_timer_check";
/// What the guest writes on its console when its shell and its agent are there.
pub const BOOTED: &str = "BOOT-OK";
/// The modules that are loaded, each after what it needs.
const MODULES: &[&str] =
    &["virtio_pci", "virtio_blk", "virtio_net", "virtio_console", "virtio_balloon", "vfat"];
/// What the file system of the seed needs beside its own module.
const CODEPAGES: &[&str] = &["nls_cp437", "nls_ascii"];

/// The first program of the guest.
///
/// Words of the command line: with `say=nothing` the console stays silent, with `say=lines:N` it gets
/// `line 1` to `line N`, with `say=ticks` ten ticks a second; with `deaf` the guest's agent answers
/// and no request to shut down has any effect. `count N` writes N numbered lines on the console.
const INIT: &str = r#"#!/bin/sh
export PATH=/bin:/sbin
/bin/busybox mkdir -p /sbin /proc /sys /dev /run /tmp /data /seed
/bin/busybox --install -s /bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mkdir -p /dev/virtio-ports
while read -r module; do insmod "/modules/$module"; done </modules/order
for port in /sys/class/virtio-ports/*; do
    [ -e "$port/name" ] && ln -s "/dev/${port##*/}" "/dev/virtio-ports/$(cat "$port/name")"
done
[ -e /dev/vda ] && mount /dev/vda /data 2>/dev/null
say=shell
for word in $(cat /proc/cmdline); do
    case $word in
        say=*) say=${word#say=} ;;
        deaf) deaf=yes ;;
    esac
done
if [ -n "$deaf" ]; then
    printf '#!/bin/sh\n' >/sbin/shutdown
else
    printf '#!/bin/sh\nsync\numount /data 2>/dev/null\npoweroff -f\n' >/sbin/shutdown
fi
printf '#!/bin/sh\ni=0\nwhile [ $i -lt "$1" ]; do i=$((i+1)); echo "line $i"; done >/dev/ttyS0\n' >/bin/count
chmod 755 /sbin/shutdown /bin/count
agent=/dev/virtio-ports/org.qemu.guest_agent.0
[ -e $agent ] && qemu-ga -m virtio-serial -p $agent -t /run >/dev/null 2>&1 &
case $say in
    shell)
        echo BOOT-OK >/dev/ttyS0
        while true; do setsid sh </dev/ttyS0 >/dev/ttyS0 2>&1; done
        ;;
    lines:*) i=0; while [ $i -lt ${say#lines:} ]; do i=$((i+1)); echo "line $i"; done >/dev/ttyS0 ;;
    ticks) i=0; while true; do i=$((i+1)); echo "tick $i"; sleep 0.1; done >/dev/ttyS0 ;;
esac
while true; do sleep 3600; done
"#;

/// What a machine boots.
#[derive(Debug, Clone)]
pub struct Guest {
    /// The kernel.
    pub kernel: PathBuf,
    /// The initramfs.
    pub initrd: PathBuf,
}

impl Guest {
    /// Finds the guest in the cache, or makes it (a second or two).
    pub fn get() -> anyhow::Result<Self> {
        let (kernel, version) = kernel()?;
        let mut seen = DefaultHasher::new();
        (INIT, MODULES, CODEPAGES, &version).hash(&mut seen);
        let folder = cache()?;
        let initrd = folder.join(format!("guest-{:016x}.cpio.gz", seen.finish()));
        if !initrd.exists() {
            fs::create_dir_all(&folder)?;
            make(&folder, &version, &initrd).context("cannot make the guest")?;
        }
        Ok(Self { kernel, initrd })
    }

    /// Makes a qcow2 disk of 16 MiB with an empty ext2, which the guest mounts at `/data`.
    pub fn disk(path: &Path) -> anyhow::Result<()> {
        let raw = path.with_extension("raw.making");
        fs::File::create(&raw)?.set_len(16 << 20)?;
        done(Command::new("busybox").args(["mke2fs", "-F"]).arg(&raw))?;
        done(
            Command::new("qemu-img")
                .args(["convert", "-O", "qcow2"])
                .args([&raw, &path.to_owned()]),
        )?;
        fs::remove_file(raw)?;
        Ok(())
    }
}

/// The packages that libvirt, the guest or its disk need and that are not installed.
pub fn missing() -> Vec<&'static str> {
    const NEEDED: &[(&str, &str)] = &[
        ("libvirt-daemon-system", "/usr/sbin/libvirtd"),
        ("libvirt-daemon-system", "/usr/sbin/virtlogd"),
        ("libvirt-clients", "/usr/bin/virsh"),
        ("qemu-system-x86", "/usr/bin/qemu-system-x86_64"),
        ("qemu-utils", "/usr/bin/qemu-img"),
        ("qemu-guest-agent", "/usr/sbin/qemu-ga"),
        ("busybox-static", "/bin/busybox"),
        ("kmod", "/sbin/modprobe"),
        ("cpio", "/usr/bin/cpio"),
    ];
    let mut missing: Vec<_> = NEEDED
        .iter()
        .filter(|(_, file)| !Path::new(file).exists())
        .map(|(package, _)| *package)
        .collect();
    if kernel().is_err() {
        missing.push("linux-image-cloud-amd64");
    }
    missing.dedup();
    missing
}

fn kernel() -> anyhow::Result<(PathBuf, String)> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.ok()?.file_name().into_string().ok();
    let newest = fs::read_dir("/boot")?
        .filter_map(name)
        .filter(|name| name.ends_with("-cloud-amd64"))
        .filter_map(|name| name.strip_prefix("vmlinuz-").map(str::to_owned))
        .max()
        .context("there is no kernel of linux-image-cloud-amd64 in /boot")?;
    Ok((Path::new("/boot").join(format!("vmlinuz-{newest}")), newest))
}

/// Where what is made once is kept, and what stays up: `TAMER_PEERS`, or `~/.cache/tamer/peers`.
pub fn cache() -> anyhow::Result<PathBuf> {
    if let Some(folder) = std::env::var_os("TAMER_PEERS").filter(|value| !value.is_empty()) {
        return Ok(folder.into());
    }
    let home = std::env::var_os("HOME").context("HOME is not set")?;
    Ok(Path::new(&home).join(".cache/tamer/peers"))
}

/// Made beside and renamed: a half-made one is never taken for whole, and of two that are made at
/// once one stays.
fn make(folder: &Path, version: &str, initrd: &Path) -> anyhow::Result<()> {
    let making = tempfile::tempdir_in(folder)?;
    let root = making.path().join("root");
    put(&root, "/bin/busybox", Path::new("/bin/busybox"))?;
    put(&root, "/bin/qemu-ga", Path::new("/usr/sbin/qemu-ga"))?;
    std::os::unix::fs::symlink("busybox", root.join("bin/sh"))?;
    for library in libraries("/usr/sbin/qemu-ga")? {
        put(&root, &library, Path::new(&library))?;
    }
    let mut order = Vec::new();
    for module in MODULES.iter().chain(CODEPAGES) {
        for file in modules(version, module)? {
            let name = file.file_name().and_then(OsStr::to_str).context("an odd name")?.to_owned();
            if !order.contains(&name) {
                put(&root, &format!("/modules/{name}"), &file)?;
                order.push(name);
            }
        }
    }
    fs::write(root.join("modules/order"), order.join("\n") + "\n")?;
    fs::write(root.join("init"), INIT)?;
    fs::set_permissions(root.join("init"), fs::Permissions::from_mode(0o755))?;
    let packed = making.path().join("packed");
    done(
        Command::new("sh")
            .args(["-ec", "find . | cpio --quiet -o -H newc -R 0:0 | gzip -1 >\"$1\"", "sh"])
            .arg(&packed)
            .current_dir(&root),
    )?;
    fs::rename(packed, initrd)?;
    Ok(())
}

/// The module files that make `module`, each after what it needs.
fn modules(version: &str, module: &str) -> anyhow::Result<Vec<PathBuf>> {
    let told =
        said(Command::new("/sbin/modprobe").args(["-S", version, "--show-depends", module]))?;
    Ok(told
        .lines()
        .filter_map(|line| line.strip_prefix("insmod "))
        .map(|path| PathBuf::from(path.trim()))
        .collect())
}

/// The libraries that the program needs, as the loader names them.
fn libraries(program: &str) -> anyhow::Result<Vec<String>> {
    let told = said(Command::new("ldd").arg(program))?;
    let path =
        |line: &str| line.split_whitespace().find(|word| word.starts_with('/')).map(str::to_owned);
    Ok(told.lines().filter_map(path).collect())
}

fn put(root: &Path, at: &str, from: &Path) -> anyhow::Result<()> {
    let to = root.join(at.trim_start_matches('/'));
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}

fn done(command: &mut Command) -> anyhow::Result<()> {
    said(command).map(drop)
}

/// What the command wrote. A failure tells what it complained of.
pub(crate) fn said(command: &mut Command) -> anyhow::Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        bail!("{} failed: {complaint}", command.get_program().display());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
