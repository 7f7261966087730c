//! What of a report may be said to a program. A report tells what hosts tell, and a host may tell
//! anything: what does not fit these is said to nobody.

/// The longest value of a kernel setting, in bytes.
const LONGEST_SETTING: usize = 4096;
/// What the name of a unit ends with (systemd.unit(5)).
const UNITS: &[&str] = &[
    "service",
    "socket",
    "target",
    "timer",
    "path",
    "mount",
    "automount",
    "swap",
    "slice",
    "scope",
    "device",
];

/// A package's name, as both Debian (policy 5.6.7) and RPM have them.
pub fn is_package(name: &str) -> bool {
    begins_plain(name) && name.len() <= 200 && all(name, "+-._")
}

/// A package's version: an epoch, tildes and carets included.
pub fn is_version(version: &str) -> bool {
    begins_plain(version) && version.len() <= 200 && all(version, "+-._:~^")
}

/// An architecture: `amd64`, `x86_64`.
pub fn is_architecture(name: &str) -> bool {
    begins_plain(name) && name.len() <= 32 && all(name, "-_")
}

/// A unit's name (systemd.unit(5)). It holds no pattern: `systemctl` would take it for several.
pub fn is_unit(name: &str) -> bool {
    let ends = |(before, end): (&str, &str)| !before.is_empty() && UNITS.contains(&end);
    begins_plain(name)
        && name.len() <= 255
        && all(name, ":_.\\@-")
        && name.rsplit_once('.').is_some_and(ends)
}

/// A kernel setting's name: parts with dots between them.
pub fn is_setting(name: &str) -> bool {
    let part = |part: &str| begins_plain(part) && all(part, "_-");
    name.len() <= 255 && name.contains('.') && name.split('.').all(part)
}

/// A kernel setting's value: one line.
pub fn is_value(value: &str) -> bool {
    !value.is_empty()
        && value.len() <= LONGEST_SETTING
        && value.chars().all(|c| c == ' ' || c.is_ascii_graphic())
}

/// An instance's name, which is a part of `HOST/NAME`.
pub fn is_instance(name: &str) -> bool {
    begins_plain(name) && name.len() <= 255 && all(name, "_.-")
}

/// Begins with a letter or a digit, so that it is no option and no path.
fn begins_plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

fn all(text: &str, signs: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || signs.contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_is_none() {
        let hostile = [
            "",
            "-y",
            "--root=/x",
            "a b",
            "a;b",
            "a\nb",
            "a\0",
            "$(a)",
            "../a",
            "a*",
            "a?",
            "a[b]",
            "a=b",
            "ä",
            "@a",
            ".a",
            "a\u{202e}",
            "a/b",
        ];
        for text in hostile {
            assert!(!is_package(text) && !is_version(text) && !is_architecture(text), "{text:?}");
            assert!(!is_unit(&format!("{text}.service")) && !is_instance(text), "{text:?}");
            assert!(!is_setting(&format!("vm.{text}")) && !is_setting(&format!("{text}.vm")));
        }
        let long = "a".repeat(300);
        assert!(!is_package(&long) && !is_unit(&format!("{long}.service")));
        assert!(!is_setting("a") && !is_setting("a.") && !is_setting(&format!("a.{long}")));
        assert!(!is_unit("ssh") && !is_unit(".service") && !is_unit("ssh.conf"));
        assert!(!is_value("") && !is_value("a\nb") && !is_value("\u{1b}[2J"));
        assert!(!is_value(&"1".repeat(5000)));
    }

    #[test]
    fn what_is_a_name_is_one() {
        for name in ["g++", "libstdc++6", "python3.11", "a", "0ad", "gtk+-2"] {
            assert!(is_package(name), "{name}");
        }
        for version in ["1.2-3", "2:8.2.0+dfsg-1~deb12u1", "5.1.8-9.el9", "1.0^git1"] {
            assert!(is_version(version), "{version}");
        }
        for unit in ["ssh.service", "getty@tty1.service", "dev-sda\\x2d1.mount", "a:b.timer"] {
            assert!(is_unit(unit), "{unit}");
        }
        for key in ["vm.swappiness", "net.ipv4.conf.br-1f.forwarding", "kernel.0x"] {
            assert!(is_setting(key), "{key}");
        }
        for value in ["60", "32768 60999", "-1", "|/usr/share/apport %p"] {
            assert!(is_value(value), "{value}");
        }
    }
}
