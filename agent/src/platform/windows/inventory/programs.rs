//! Programs as the registry lists those that can be removed.

use tamer_drift::{Kind, Resource};
use windows_registry::{Key, LOCAL_MACHINE};

use crate::inventory::{Cover, Fault, Found, Look, Stop, Worker, host};

/// Where programs say how they are removed: of 64 bits, and of 32 on a system of 64.
const LISTS: &[(&str, &str)] = &[
    ("x64", r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall"),
    ("x86", r"SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall"),
];

/// Looks at programs.
pub struct Programs;

impl Look for Programs {
    fn look(&self, found: &mut Found, worker: &mut Worker) -> Result<(), Stop> {
        for (architecture, path) in LISTS {
            // A system of 32 bits has no second list.
            let Ok(list) = LOCAL_MACHINE.open(path) else { continue };
            let names = list.keys().map_err(|error| Fault::new(format!("{path}: {error}")))?;
            for name in names {
                worker.breathe();
                match list.open(&name) {
                    Ok(key) => {
                        if let Some(program) = program(architecture, &name, &key) {
                            found.put(program)?;
                        }
                    }
                    Err(error) => {
                        let why = format!("{path}\\{name}: {error}");
                        found.miss(Cover::Kind(Kind::Package), why);
                    }
                }
            }
        }
        Ok(())
    }
}

/// A program; parts of Windows and of other programs have no name for people, or say that they are
/// parts.
fn program(architecture: &str, id: &str, key: &Key) -> Option<Resource> {
    let text = |name: &str| key.get_string(name).unwrap_or_default();
    let name = text("DisplayName");
    let is_part = key.get_u32("SystemComponent") == Ok(1) || !text("ParentKeyName").is_empty();
    if name.is_empty() || is_part {
        return None;
    }
    let made = host(Kind::Package, &format!("{id}:{architecture}"))
        .named(&name)
        .text("version", text("DisplayVersion"))
        .text("vendor", text("Publisher"))
        .text("architecture", architecture)
        .text("folder", text("InstallLocation"))
        .text("format", "registry");
    Some(made.done())
}
