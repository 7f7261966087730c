//! Running a command as another user. The only unsafe code of the agent: see
//! `docs/decisions/0006-agent-unsafe.md`.

use std::ffi::CString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use nix::unistd::{Gid, Uid, User, getgrouplist, setgid, setgroups, setuid};

use crate::exec::LaunchError;

/// The user a command runs as.
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its home.
    pub home: PathBuf,
    /// What must change before the command runs; nothing when it is the agent's own user.
    pub switch: Option<Switch>,
}

/// Another user's ids, looked up before the fork.
pub struct Switch {
    uid: Uid,
    gid: Gid,
    groups: Vec<Gid>,
}

/// Looks up `name`, or the agent's own user.
pub fn account(name: Option<&str>) -> Result<Account, LaunchError> {
    let own = Uid::effective();
    let unknown = |reason: String| LaunchError::User { reason };
    let Some(name) = name else {
        let user = User::from_uid(own).ok().flatten();
        let home = user.as_ref().map_or_else(|| PathBuf::from("/"), |user| user.dir.clone());
        let name = user.map_or_else(|| own.to_string(), |user| user.name);
        return Ok(Account { name, home, switch: None });
    };
    let user = User::from_name(name)
        .map_err(|error| unknown(format!("the user {name:?} cannot be looked up: {error}")))?
        .ok_or_else(|| unknown(format!("there is no user {name:?} on this host")))?;
    let switch = if user.uid == own {
        None
    } else if !own.is_root() {
        return Err(unknown(format!(
            "only an agent that runs as root can run a command as {name:?}"
        )));
    } else {
        let text = CString::new(name).map_err(|error| unknown(error.to_string()))?;
        let groups = getgrouplist(&text, user.gid)
            .map_err(|error| unknown(format!("the groups of {name:?} are unknown: {error}")))?;
        Some(Switch { uid: user.uid, gid: user.gid, groups })
    };
    Ok(Account { name: user.name, home: user.dir, switch })
}

/// Makes the command change to the user between fork and exec.
#[expect(unsafe_code, reason = "supplementary groups can only be set between fork and exec")]
pub fn apply(command: &mut Command, switch: Switch) {
    let Switch { uid, gid, groups } = switch;
    let change = move || {
        setgroups(&groups).map_err(io::Error::from)?;
        setgid(gid).map_err(io::Error::from)?;
        setuid(uid).map_err(io::Error::from)
    };
    // SAFETY: the closure runs in the child between fork and exec. It makes three system calls,
    // allocates nothing, takes no lock, and reads only what was looked up before the fork.
    unsafe {
        command.pre_exec(change);
    }
}
