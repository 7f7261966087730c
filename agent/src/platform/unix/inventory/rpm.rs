//! Packages as rpm tells them. Its database has had three formats; only rpm reads all of them.

use std::path::{Path, PathBuf};

use tamer_drift::{Kind, Resource};

use super::program::output;
use crate::inventory::{About, Collector, Cover, Fault, Found, host};

/// One line a package, with a character between the fields that is in none of them.
const FORMAT: &str = "%{NAME}\\t%{EPOCHNUM}\\t%{VERSION}\\t%{RELEASE}\\t%{ARCH}\\t%{VENDOR}\\n";
/// The most bytes of all: some 100,000 packages.
const MOST: u64 = 16 << 20;
/// Where the program may be.
const PROGRAMS: &[&str] = &["/usr/bin/rpm", "/bin/rpm"];

/// Asks rpm.
pub struct Rpm {
    about: About,
    program: &'static str,
}

impl Rpm {
    /// With the program of this machine; none where there is none, or where dpkg has the packages
    /// and rpm is a tool.
    pub fn here(about: About) -> Option<Self> {
        let program = PROGRAMS.iter().find(|path| Path::new(path).is_file())?;
        let has_database = ["/var/lib/rpm", "/usr/lib/sysimage/rpm"].iter().any(|folder| {
            std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
        });
        has_database.then_some(Self { about, program })
    }
}

#[async_trait::async_trait]
impl Collector for Rpm {
    fn about(&self) -> &About {
        &self.about
    }

    fn marks(&self) -> Vec<PathBuf> {
        ["/var/lib/rpm", "/usr/lib/sysimage/rpm"].map(PathBuf::from).into()
    }

    async fn collect(&self) -> Result<Found, Fault> {
        let written = output(self.program, &["-qa", "--queryformat", FORMAT], MOST).await?;
        let mut found = Found::within(self.about.limits);
        for line in String::from_utf8_lossy(&written).lines() {
            match package(line) {
                Some(package) => {
                    if found.put(package).is_err() {
                        break;
                    }
                }
                None => {
                    let shown: String = line.chars().take(60).collect();
                    found.miss(Cover::Kind(Kind::Package), format!("rpm wrote {shown:?}"));
                }
            }
        }
        Ok(found)
    }
}

/// A line of [`FORMAT`]. Several versions of one package may be there, as of kernels: those are
/// called after their versions too.
fn package(line: &str) -> Option<Resource> {
    let fields: Vec<_> = line.split('\t').collect();
    let &[name, epoch, version, release, arch, vendor] = fields.as_slice() else { return None };
    if name.is_empty() || name.len() > 200 || name.contains(char::is_whitespace) {
        return None;
    }
    let full = match epoch {
        "0" | "(none)" => format!("{version}-{release}"),
        epoch => format!("{epoch}:{version}-{release}"),
    };
    let arch = if arch == "(none)" { "" } else { arch };
    let many = matches!(name, "gpg-pubkey" | "installonlypkg") || name.starts_with("kernel");
    let id = if many { format!("{name}-{full}:{arch}") } else { format!("{name}:{arch}") };
    let made = host(Kind::Package, &id)
        .named(name)
        .text("version", full)
        .text("architecture", arch)
        .text("vendor", if vendor == "(none)" { "" } else { vendor })
        .text("format", "rpm");
    Some(made.done())
}

#[cfg(test)]
mod tests {
    use tamer_drift::Value;

    use super::*;

    #[test]
    fn packages_of_rpm_are_read() {
        let bash = package("bash\t0\t5.1.8\t9.el9\tx86_64\tRed Hat, Inc.").expect("a package");
        assert_eq!(bash.key.id(), "bash:x86_64");
        assert_eq!(bash.properties["version"], Value::from("5.1.8-9.el9"));
        let vim = package("vim\t2\t8.2\t1\tx86_64\t(none)").expect("a package");
        assert_eq!(vim.properties["version"], Value::from("2:8.2-1"));
        let kernels = ["5.14.0", "5.15.0"].map(|version| {
            package(&format!("kernel\t0\t{version}\t1\tx86_64\tx")).expect("one").key
        });
        assert_ne!(kernels[0], kernels[1]);
        for line in ["", "bash", "\t0\t1\t1\tx\ty", "a b\t0\t1\t1\tx\ty", "a\t0\t1\t1\tx\ty\tz"] {
            assert!(package(line).is_none(), "{line}");
        }
    }
}
