//! A small container image made on the spot, without a daemon and without a network.

use std::path::Path;

use anyhow::{Context as _, Result};
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::json;
use tar::{Builder, EntryType, Header};

/// What the image is called. Podman keeps it as `localhost/tamer/busybox:1`, and finds it by the
/// short name too.
pub const BUSYBOX: &str = "tamer/busybox:1";

/// The static busybox of Debian's `busybox-static`.
const PROGRAM: &str = "/bin/busybox";
const APPLETS: &[&str] = &[
    "cat", "chmod", "date", "dd", "echo", "env", "false", "grep", "head", "hostname", "httpd",
    "id", "ip", "kill", "ls", "mkdir", "mount", "nc", "printf", "ps", "pwd", "rm", "sed", "seq",
    "sh", "sleep", "stty", "tail", "touch", "tr", "true", "tty", "wc", "wget", "yes",
];

/// An image archive as `docker save` writes it: one layer with busybox and links to its applets,
/// `sh` as the command.
pub fn busybox_tar() -> Result<Vec<u8>> {
    image_tar(BUSYBOX, &[])
}

/// The same image under another name, with these files more: path and content.
pub fn image_tar(name: &str, files: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    let layer = layer(files)?;
    let hash = |bytes: &[u8]| data_encoding::HEXLOWER.encode(digest(&SHA256, bytes).as_ref());
    let config = json!({
        "architecture": architecture(),
        "os": "linux",
        "created": "2026-01-01T00:00:00Z",
        "config": {
            "Cmd": ["/bin/sh"],
            "Env": ["PATH=/bin:/usr/bin:/sbin"],
            "Labels": {"tamer.test": "busybox"},
        },
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", hash(&layer))]},
        "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "tamer-peers"}],
    })
    .to_string();
    let config_name = format!("{}.json", hash(config.as_bytes()));
    let layer_name = format!("{}/layer.tar", hash(&layer));
    let manifest =
        json!([{"Config": config_name, "RepoTags": [name], "Layers": [layer_name]}]).to_string();
    let mut archive = Builder::new(Vec::new());
    add_file(&mut archive, &config_name, 0o644, config.as_bytes())?;
    add_file(&mut archive, &layer_name, 0o644, &layer)?;
    add_file(&mut archive, "manifest.json", 0o644, manifest.as_bytes())?;
    archive.into_inner().context("the archive")
}

fn layer(files: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    let program = std::fs::read(PROGRAM)
        .with_context(|| format!("{PROGRAM}: is busybox-static installed?"))?;
    let mut layer = Builder::new(Vec::new());
    for (folder, mode) in
        [("bin", 0o755), ("etc", 0o755), ("root", 0o700), ("tmp", 0o1777), ("var", 0o755)]
    {
        let mut header = header(EntryType::Directory, mode, 0);
        layer.append_data(&mut header, format!("{folder}/"), std::io::empty())?;
    }
    add_file(&mut layer, "bin/busybox", 0o755, &program)?;
    for applet in APPLETS {
        let mut header = header(EntryType::Symlink, 0o777, 0);
        layer.append_link(&mut header, format!("bin/{applet}"), "busybox")?;
    }
    let users = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n";
    add_file(&mut layer, "etc/passwd", 0o644, users.as_bytes())?;
    add_file(&mut layer, "etc/group", 0o644, b"root:x:0:\nnobody:x:65534:\n")?;
    for (path, content) in files {
        add_file(&mut layer, path, 0o644, content)?;
    }
    layer.into_inner().context("the layer")
}

fn add_file(
    archive: &mut Builder<Vec<u8>>,
    path: impl AsRef<Path>,
    mode: u32,
    content: &[u8],
) -> Result<()> {
    let mut header = header(EntryType::Regular, mode, content.len() as u64);
    archive.append_data(&mut header, path, content).context("a file of the archive")
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    // The same bytes each time, and so the same digests.
    header.set_mtime(1_767_225_600);
    header.set_uid(0);
    header.set_gid(0);
    header
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
