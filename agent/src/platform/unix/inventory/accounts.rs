//! Users and groups, as the files say. Of a password only whether there is one, and a keyed hash
//! that shows when it changes; its own hash never leaves the file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tamer_drift::{Kind, Resource};

use super::Place;
use crate::inventory::{Cover, Fault, Found, Hider, Look, Stop, Worker, host, read, set};

const PASSWD: &str = "etc/passwd";
const SHADOW: &str = "etc/shadow";
const GROUP: &str = "etc/group";
/// The most bytes of each file.
const MOST: usize = 8 << 20;

/// Looks at users and groups.
pub struct Accounts {
    /// Where it looks.
    pub place: Place,
    /// For what passwords become.
    pub hider: Hider,
}

impl Look for Accounts {
    fn marks(&self) -> Vec<PathBuf> {
        [PASSWD, SHADOW, GROUP].map(|path| self.place.at(path)).into()
    }

    fn look(&self, found: &mut Found, worker: &mut Worker) -> Result<(), Stop> {
        let text = |path: &str| {
            read::text(&self.place.at(path), MOST)
                .map_err(|error| Fault::new(format!("{path}: {error}")))
        };
        // Without the right to read it, or on a machine without one: passwords are not told.
        let shadow = read::text_if_any(&self.place.at(SHADOW), MOST).map(Option::unwrap_or_default);
        let shadow = match shadow {
            Ok(shadow) => shadow,
            Err(error) => {
                found.miss(Cover::Kind(Kind::User), format!("{SHADOW}: {error}"));
                String::new()
            }
        };
        let passwd = text(PASSWD)?;
        let secrets: BTreeMap<_, _> =
            shadow.lines().filter_map(|line| line.split_once(':')).collect();
        for line in lines(&passwd) {
            worker.breathe();
            match user(line, &secrets, &self.hider) {
                Some(user) => found.put(user)?,
                None => found.miss(Cover::Kind(Kind::User), format!("{PASSWD}: {}", shown(line))),
            }
        }
        for line in lines(&text(GROUP)?) {
            match group(line) {
                Some(group) => found.put(group)?,
                None => found.miss(Cover::Kind(Kind::Group), format!("{GROUP}: {}", shown(line))),
            }
        }
        Ok(())
    }
}

/// Lines that say something: no empty ones, no remarks, none of NIS.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with(['#', '+', '-']))
}

/// A line that is not understood, in so far as it may be shown.
fn shown(line: &str) -> String {
    let name: String = line.split(':').next().unwrap_or_default().chars().take(40).collect();
    format!("the line of {name:?} is not understood")
}

/// `name:password:uid:gid:gecos:home:shell` (passwd(5)).
fn user(line: &str, secrets: &BTreeMap<&str, &str>, hider: &Hider) -> Option<Resource> {
    let fields: Vec<_> = line.split(':').collect();
    let &[name, own, uid, gid, gecos, home, shell] = fields.as_slice() else { return None };
    let (uid, gid) = (uid.parse::<u32>().ok()?, gid.parse::<u32>().ok()?);
    if name.is_empty() || name.len() > 256 {
        return None;
    }
    let mut aged = secrets.get(name).copied().unwrap_or_default().split(':');
    let password = match own {
        "x" => aged.next().unwrap_or_default(),
        own => own,
    };
    // Fields 3 to 8 of shadow(5); the sixth of what follows the password is the day of expiry.
    let expires = aged.nth(5).and_then(|days| days.parse::<i64>().ok());
    let made = host(Kind::User, name)
        .int("uid", uid)
        .int("gid", gid)
        .text("comment", gecos.trim_end_matches(','))
        .text("home", home)
        .text("shell", shell)
        .text("password", state(password))
        .maybe("password_hash", has_hash(password).then(|| hider.hide(password)))
        .maybe("expires_day", expires.map(tamer_drift::Value::Int));
    Some(made.done())
}

/// Whether somebody can come in with a password.
fn state(password: &str) -> &'static str {
    match password {
        "" => "none",
        locked if locked.starts_with(['!', '*']) => "locked",
        _ => "set",
    }
}

fn has_hash(password: &str) -> bool {
    password.trim_start_matches(['!', '*']).len() > 1
}

/// `name:password:gid:members` (group(5)).
fn group(line: &str) -> Option<Resource> {
    let fields: Vec<_> = line.split(':').collect();
    let &[name, _, gid, members] = fields.as_slice() else { return None };
    let gid = gid.parse::<u32>().ok()?;
    if name.is_empty() || name.len() > 256 {
        return None;
    }
    let members = members.split(',').map(str::trim).filter(|member| !member.is_empty());
    Some(host(Kind::Group, name).int("gid", gid).put("members", set(members)).done())
}

#[cfg(test)]
mod tests {
    use tamer_drift::Value;

    use super::*;

    fn of(line: &str, shadow: &str) -> Option<Resource> {
        let secrets = shadow.lines().filter_map(|line| line.split_once(':')).collect();
        user(line, &secrets, &Hider::new([7; 32]))
    }

    #[test]
    fn users_are_read_and_their_passwords_are_not_told() {
        let hash = "$y$j9T$abcdef$0123456789";
        let shadow = format!("ann:{hash}:19000:0:99999:7::20000:\nroot:*:1::::::\n");
        let ann = of("ann:x:1000:1000:Ann,,,:/home/ann:/bin/bash", &shadow).expect("a user");
        assert_eq!(ann.properties["password"], Value::from("set"));
        assert_eq!(ann.properties["expires_day"], Value::Int(20000));
        assert_eq!(ann.properties["comment"], Value::from("Ann"));
        let told = serde_json::to_string(&ann).expect("json");
        assert!(!told.contains("abcdef") && told.contains("$hidden"), "{told}");
        let changed = shadow.replace("0123", "4567");
        let later = of("ann:x:1000:1000:Ann,,,:/home/ann:/bin/bash", &changed).expect("a user");
        assert_ne!(ann, later, "that it changed shows");
        let root = of("root:x:0:0:root:/root:/bin/sh", &shadow).expect("a user");
        assert_eq!(root.properties["password"], Value::from("locked"));
        assert!(!root.properties.contains_key("password_hash"));
        let open = of("open::1:1:::", "").expect("a user");
        assert_eq!(open.properties["password"], Value::from("none"));
        // In the old way, in the file itself.
        let old = of(&format!("old:{hash}:1:1:::"), "").expect("a user");
        assert!(!serde_json::to_string(&old).expect("json").contains("abcdef"));
    }

    #[test]
    fn groups_have_members_without_order() {
        let one = group("docker:x:999:ann,bob").expect("a group");
        assert_eq!(one, group("docker:x:999:bob, ann").expect("a group"));
        assert!(group("docker:x:999").is_none() && group(":x:1:").is_none());
    }

    #[test]
    fn what_is_no_line_of_a_user_is_refused() {
        for line in ["", "a", "a:x:-1:0:::", "a:x:99999999999:0:::", "a:x:0:0:::::", ":x:0:0:::"] {
            assert!(of(line, "").is_none(), "{line}");
        }
        assert!(!shown("secret:hunter2:x").contains("hunter2"));
    }
}
