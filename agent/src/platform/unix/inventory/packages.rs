//! Packages as dpkg keeps them.

use std::path::PathBuf;

use tamer_drift::{Kind, Resource};

use super::Place;
use crate::inventory::{Cover, Fault, Found, Look, Stop, Worker, host, read};

/// The file of dpkg, below the root.
pub const STATUS: &str = "var/lib/dpkg/status";
/// The most bytes of it: some ten times that of a large machine.
const MOST: usize = 64 << 20;
/// The most lines of one package.
const MOST_LINES: usize = 20_000;

/// Looks at dpkg's list of packages.
pub struct Dpkg {
    /// Where it looks.
    pub place: Place,
}

impl Look for Dpkg {
    fn marks(&self) -> Vec<PathBuf> {
        vec![self.place.at(STATUS)]
    }

    fn look(&self, found: &mut Found, worker: &mut Worker) -> Result<(), Stop> {
        let text = read::text_if_any(&self.place.at(STATUS), MOST)
            .map_err(|error| Fault::new(format!("{STATUS}: {error}")))?;
        for package in packages(text.as_deref().unwrap_or_default()) {
            worker.breathe();
            match package {
                Ok(Some(package)) => found.put(package)?,
                Ok(None) => {}
                Err(why) => found.miss(Cover::Kind(Kind::Package), format!("{STATUS}: {why}")),
            }
        }
        Ok(())
    }
}

/// Each stanza of dpkg's file (deb822(5)): a package that is here, none, or why it is not
/// understood.
fn packages(text: &str) -> impl Iterator<Item = Result<Option<Resource>, String>> {
    let stanzas = text.split("\n\n").map(|stanza| stanza.trim_matches('\n'));
    stanzas.filter(|stanza| !stanza.trim().is_empty()).map(package)
}

fn package(stanza: &str) -> Result<Option<Resource>, String> {
    if stanza.lines().nth(MOST_LINES).is_some() {
        return Err(format!("a package of more than {MOST_LINES} lines"));
    }
    let field = |name: &str| {
        let lines = stanza.lines().filter(|line| !line.starts_with([' ', '\t']));
        let mut fields = lines.filter_map(|line| line.split_once(':'));
        fields.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    let name = field("Package").filter(|name| is_name(name)).ok_or_else(|| {
        let first: String = stanza.chars().take(40).collect();
        format!("no package's name in {first:?}")
    })?;
    let status = field("Status").ok_or_else(|| format!("{name} has no status"))?;
    let mut words = status.split(' ');
    let (want, _, state) = (words.next(), words.next(), words.next().unwrap_or_default());
    // Only its configuration is left, or not even that.
    if matches!(state, "not-installed" | "config-files" | "") {
        return Ok(None);
    }
    let architecture = field("Architecture").unwrap_or_default();
    let made = host(Kind::Package, &format!("{name}:{architecture}"))
        .named(name)
        .text("version", field("Version").unwrap_or_default())
        .text("architecture", architecture)
        .text("source", field("Source").unwrap_or_default())
        .text("format", "deb")
        .flag("held", want == Some("hold"))
        .flag("essential", field("Essential") == Some("yes"))
        // Anything else is on its way there, or broken.
        .text("state", if state == "installed" { "" } else { state });
    Ok(Some(made.done()))
}

/// What a package may be called (Debian policy 5.6.7).
fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "+-._".contains(c);
    !name.is_empty() && name.len() <= 200 && name.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use tamer_drift::Value;

    use super::*;

    const SOME: &str = "Package: adduser\nEssential: yes\nStatus: install ok installed\nPriority: important\n\
        Architecture: all\nVersion: 3.134\nDescription: add and remove users\n Package: not this\n\
        \nPackage: libc6\nStatus: hold ok installed\nArchitecture: amd64\nSource: glibc\nVersion: 2.36-9\n\
        \nPackage: old\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n\
        \nPackage: half\nStatus: install ok half-configured\nArchitecture: amd64\nVersion: 1\n\n\n";

    #[test]
    fn what_is_installed_is_found() {
        let read: Vec<_> = packages(SOME).filter_map(|one| one.expect("good")).collect();
        let ids: Vec<_> = read.iter().map(|one| one.key.id()).collect();
        assert_eq!(ids, ["adduser:all", "libc6:amd64", "half:amd64"]);
        assert_eq!(read[0].properties["version"], Value::from("3.134"));
        assert_eq!(read[1].properties["held"], Value::Bool(true));
        assert_eq!(read[1].properties["source"], Value::from("glibc"));
        assert_eq!(read[2].properties["state"], Value::from("half-configured"));
        assert!(!read[0].properties.contains_key("state"));
    }

    #[test]
    fn what_is_no_package_is_told_and_hides_no_other() {
        let hostile = "garbage\u{0}\n\nPackage: ../../etc\nStatus: install ok installed\n\n\
            Package: a\n\nPackage: b\nStatus: install ok installed\n\n";
        let read: Vec<_> = packages(hostile).collect();
        assert_eq!(read.iter().filter(|one| one.is_err()).count(), 3);
        assert_eq!(read.iter().filter(|one| matches!(one, Ok(Some(_)))).count(), 1);
        let long = format!("Package: a\n{}", " x\n".repeat(MOST_LINES + 1));
        assert!(packages(&long).all(|one| one.is_err()));
    }

    proptest! {
        #[test]
        fn nothing_breaks_it(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            packages(&String::from_utf8_lossy(&bytes)).for_each(drop);
        }
    }
}
