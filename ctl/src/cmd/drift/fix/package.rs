//! What mends a package: the version of the baseline, or none.
//!
//! What is removed is removed by `dpkg` and `rpm` themselves: they take a name for nothing else, and
//! refuse where something else needs it. `apt-get remove` takes a name that it does not know for a
//! regular expression, and removes what needs it as well.

use tamer_drift::Value;
use tamer_drift::finding::{Finding, How};

use super::mend::{Mend, NO_NAME, argv, cannot, commands, field, others, text};
use super::names;

/// What RPM calls machines. Debian calls them otherwise, but for the last two.
const RPM: &[&str] = &["x86_64", "aarch64", "noarch", "i686", "i586", "ppc64le", "armv7hl"];
/// What Debian calls machines.
const DEB: &[&str] =
    &["amd64", "arm64", "all", "i386", "armhf", "armel", "ppc64el", "mips64el", "loong64"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Deb,
    Rpm,
}

/// A package that a command can be given.
struct Package<'a> {
    format: Format,
    name: &'a str,
    architecture: &'a str,
}

/// What mends it.
pub fn mend(finding: &Finding) -> Mend {
    let package = match Package::of(finding) {
        Ok(package) => package,
        Err(why) => return cannot(why),
    };
    let version = field(finding, "version");
    let before = version.and_then(|version| version.before.as_ref());
    let after = version.and_then(|version| version.after.as_ref());
    match finding.change {
        How::Created => match package.remove(text(after)) {
            Some(remove) => commands(vec![remove], None),
            None => cannot(NO_NAME),
        },
        How::Deleted => match package.install(text(before)) {
            Some(install) => commands(vec![install], None),
            None => cannot(NO_NAME),
        },
        How::Changed => package.change(finding, before.map(|before| text(Some(before)))),
        How::Moved | How::Replaced | How::Due => cannot("which package it was before is not known"),
    }
}

impl<'a> Package<'a> {
    fn of(finding: &'a Finding) -> Result<Self, &'static str> {
        let id = finding.hosts.first().map_or("", |member| member.id.as_str());
        let architecture = id.rsplit_once(':').map_or("", |(_, architecture)| architecture);
        let told = field(finding, "format");
        let told = told.map(|told| text(told.after.as_ref().or(told.before.as_ref())));
        let format = match told {
            Some("deb") => Format::Deb,
            Some("rpm") => Format::Rpm,
            Some(_) => return Err("only packages of Debian and of RPM are known here"),
            None if DEB.contains(&architecture) => Format::Deb,
            None if RPM.contains(&architecture) => Format::Rpm,
            None => return Err("whether it is a package of Debian or of RPM is not known"),
        };
        let name = finding.name.as_str();
        // Without an architecture behind it, `apt-get` takes a last sign for a wish.
        let wishes = format == Format::Deb && architecture == "all" && name.ends_with(['+', '-']);
        match names::is_package(name) && names::is_architecture(architecture) && !wishes {
            true => Ok(Self { format, name, architecture }),
            false => Err(NO_NAME),
        }
    }

    fn change(&self, finding: &Finding, before: Option<&str>) -> Mend {
        let mut all = Vec::new();
        if let Some(before) = before {
            match self.install(before) {
                Some(install) => all.push(install),
                None => return cannot(NO_NAME),
            }
        }
        let held = field(finding, "held").and_then(|held| held.before.as_ref());
        if let (Format::Deb, Some(Value::Bool(held))) = (self.format, held) {
            all.push(argv(["apt-mark", if *held { "hold" } else { "unhold" }, &self.full()]));
        }
        // A new version may come from another source or maker, which goes with it.
        let with_it = ["version", "held", "source", "vendor"];
        commands(all, others(finding, &with_it))
    }

    /// Whatever version is there now, an earlier one included.
    fn install(&self, version: &str) -> Option<Vec<String>> {
        let full = self.full();
        names::is_version(version).then(|| match self.format {
            Format::Deb => argv([
                "apt-get",
                "install",
                "-y",
                "--allow-downgrades",
                "-o",
                "Dpkg::Options::=--force-confold",
                &format!("{full}={version}"),
            ]),
            Format::Rpm => argv([
                "dnf",
                "install",
                "-y",
                &format!("{}-{version}.{}", self.name, self.architecture),
            ]),
        })
    }

    fn remove(&self, version: &str) -> Option<Vec<String>> {
        names::is_version(version).then(|| match self.format {
            Format::Deb => argv(["dpkg", "--remove", &self.full()]),
            // Several of one name may be there, as of kernels.
            Format::Rpm if !version.contains(':') => {
                argv(["rpm", "--erase", &format!("{}-{version}.{}", self.name, self.architecture)])
            }
            Format::Rpm => argv(["rpm", "--erase", &self.full()]),
        })
    }

    /// The name with its architecture, where that is of one machine.
    fn full(&self) -> String {
        match (self.format, self.architecture) {
            (Format::Deb, "all") => self.name.to_owned(),
            (Format::Deb, architecture) => format!("{}:{architecture}", self.name),
            (Format::Rpm, architecture) => format!("{}.{architecture}", self.name),
        }
    }
}
