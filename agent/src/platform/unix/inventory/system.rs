//! What the machine is: its system, its kernel and how that was started, its name, its size.

use std::path::{Path, PathBuf};

use tamer_drift::{Kind, Resource, Value};

use super::Place;
use crate::inventory::{Fault, Found, Hider, Look, Stop, Worker, host, list, read};

/// The most bytes of any of the files.
const MOST: usize = 256 << 10;

/// Looks at the machine.
pub struct System {
    /// Where it looks.
    pub place: Place,
    /// For boot parameters.
    pub hider: Hider,
}

impl Look for System {
    fn marks(&self) -> Vec<PathBuf> {
        ["etc/os-release", "etc/hostname", "etc/localtime", "etc/timezone"]
            .map(|path| self.place.at(path))
            .into()
    }

    fn look(&self, found: &mut Found, _: &mut Worker) -> Result<(), Stop> {
        let text = |path: &str| read::text(&self.place.at(path), MOST);
        let release = text("etc/os-release").or_else(|_| text("usr/lib/os-release"));
        let release = release.map_err(|error| Fault::new(format!("etc/os-release: {error}")))?;
        found.put(system(&release))?;
        let of = |path: &str| text(path).map_err(|error| Fault::new(format!("{path}: {error}")));
        found.put(kernel(
            &of("proc/sys/kernel/osrelease")?,
            &of("proc/version")?,
            &of("proc/cmdline")?,
            &self.hider,
        ))?;
        let zone = zone(&self.place.at("etc/localtime"))
            .or_else(|| text("etc/timezone").ok().map(|zone| zone.trim().to_owned()));
        let name = of("proc/sys/kernel/hostname")?;
        found.put(
            host(Kind::System, "host")
                .named("host")
                .text("hostname", name.trim())
                .text("time_zone", zone.unwrap_or_default())
                .done(),
        )?;
        let cpus = std::thread::available_parallelism().map_or(1, |cpus| cpus.get() as u64);
        found.put(
            host(Kind::System, "machine")
                .int("cpus", cpus)
                .maybe("memory_bytes", memory(&of("proc/meminfo")?).map(Value::Int))
                .text("architecture", std::env::consts::ARCH)
                .text("model", text("sys/class/dmi/id/product_name").unwrap_or_default().trim())
                .done(),
        )?;
        Ok(())
    }
}

/// The distribution (os-release(5)).
fn system(release: &str) -> Resource {
    let value = |key: &str| {
        let lines = release.lines().filter_map(|line| line.split_once('='));
        let mut mine = lines.filter(|(name, _)| *name == key);
        mine.next().map_or("", |(_, value)| value.trim().trim_matches(['"', '\'']))
    };
    host(Kind::System, "os")
        .named(value("PRETTY_NAME"))
        .text("distribution", value("ID"))
        .text("version", value("VERSION_ID"))
        .text("build", value("BUILD_ID"))
        .text("variant", value("VARIANT_ID"))
        .text("codename", value("VERSION_CODENAME"))
        .done()
}

/// The kernel, and the parameters it was started with in their order.
fn kernel(release: &str, version: &str, parameters: &str, hider: &Hider) -> Resource {
    let (parameters, hidden) = hider.command(parameters.trim());
    host(Kind::System, "kernel")
        .named(&format!("Linux {}", release.trim()))
        .text("release", release.trim())
        .text("build", version.trim())
        .put("parameters", list(parameters.split_whitespace()))
        .maybe("parameters_hidden", hidden)
        .done()
}

/// The zone that `/etc/localtime` leads to: what follows `zoneinfo/`.
fn zone(link: &Path) -> Option<String> {
    let target = std::fs::read_link(link).ok()?;
    let text = target.to_string_lossy().into_owned();
    text.split_once("zoneinfo/").map(|(_, zone)| zone.to_owned())
}

/// The memory in bytes (proc_meminfo(5) counts in KiB).
fn memory(meminfo: &str) -> Option<i64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<i64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_is_read() {
        let text = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID='12'\n=x\nID=other\n";
        let read = system(text);
        assert_eq!(read.name, "Debian GNU/Linux 12 (bookworm)");
        assert_eq!(read.properties["distribution"], Value::from("debian"));
        assert_eq!(read.properties["version"], Value::from("12"));
        assert_eq!(read.properties.len(), 2, "what is not said is not there");
        assert!(system("").properties.is_empty());
    }

    #[test]
    fn memory_is_bytes_or_nothing() {
        assert_eq!(memory("MemTotal:       16384 kB\nMemFree: 1 kB\n"), Some(16 << 20));
        for text in ["", "MemTotal: x kB", "MemTotal: 5", "MemTotal: 9223372036854775807 kB"] {
            assert_eq!(memory(text), None, "{text}");
        }
    }

    #[test]
    fn boot_parameters_keep_their_order_and_their_secrets() {
        let hider = Hider::new([1; 32]);
        let read = kernel("6.1\n", "Linux 6.1\n", "root=/dev/vda quiet rd.luks.key=abc\n", &hider);
        let expected = list(["root=/dev/vda", "quiet", "rd.luks.key=(hidden)"]);
        assert_eq!(read.properties["parameters"], expected);
        assert!(matches!(read.properties["parameters_hidden"], Value::Hidden(_)));
    }
}
