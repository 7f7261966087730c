//! Which collectors there are on Windows, and where files lie.

use std::fs::Metadata;
use std::os::windows::fs::MetadataExt as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tamer_drift::{Kind, Value};

use super::programs::Programs;
use super::system::System;
use crate::inventory::{About, Blocking, Collector, Format, Hider, News, Pace, text};

/// How a file looked: size, times, attributes. Equal stamps mean equal content, once the times are
/// settled.
pub type Stamp = [u64; 6];

/// Within this time after a change the clock of a file system may say the same again (FAT).
const UNSETTLED: Duration = Duration::from_secs(2);

/// The collectors of this platform, which has no settings of a kernel.
pub fn collectors(_: &[String], _: &Hider, pace: &Pace) -> Vec<Arc<dyn Collector>> {
    let of = |name, kind| About::host(name, [kind], News::Polled);
    vec![
        Arc::new(Blocking::new(of("system", Kind::System), System, pace.clone())),
        Arc::new(Blocking::new(of("packages", Kind::Package), Programs, pace.clone())),
    ]
}

/// Files that are looked at unless the configuration names others.
pub const fn default_files() -> &'static [&'static str] {
    &[
        r"C:\ProgramData\ssh\sshd_config",
        r"C:\ProgramData\ssh\administrators_authorized_keys",
        r"C:\Windows\System32\drivers\etc\hosts",
        r"C:\Windows\System32\drivers\etc\networks",
    ]
}

/// Where certificates are looked for unless the configuration names others.
pub const fn default_certificates() -> &'static [&'static str] {
    &[r"C:\ProgramData\docker\certs.d\*.pem"]
}

/// Folders of the authorities that the host trusts: Windows keeps them elsewhere.
pub const fn trust_stores() -> &'static [&'static str] {
    &[]
}

/// Configuration files of technologies: where, whose, how they are written.
pub const fn configs() -> &'static [(&'static str, &'static str, Format)] {
    &[
        (r"C:\ProgramData\docker\config\daemon.json", "docker", Format::Json),
        (r"C:\Users\*\.docker\config.json", "docker", Format::Json),
        (r"C:\Users\*\.wslconfig", "wsl", Format::Ini),
    ]
}

/// How a file looks.
pub fn stamp(seen: &Metadata) -> Stamp {
    let attributes = u64::from(seen.file_attributes());
    [seen.file_size(), seen.last_write_time(), seen.creation_time(), attributes, 0, 0]
}

/// Whether a file was changed long enough ago that a change of it now would show in its stamp.
pub fn is_settled(seen: &Metadata) -> bool {
    let age = seen.modified().ok().and_then(|at| SystemTime::now().duration_since(at).ok());
    age.is_some_and(|age| age > UNSETTLED)
}

/// Who may read a file is in its access list, which is not read: all count as private.
pub fn is_private(_: &Metadata) -> bool {
    true
}

/// What everybody may do with a file.
pub fn owner_of(seen: &Metadata) -> Vec<(&'static str, Value)> {
    vec![("attributes", text(format!("{:#x}", seen.file_attributes() & 0x27)))]
}
