//! What work on files and scripts needs of Linux.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{
    DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown, lchown,
};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::FallocateFlags;
use nix::libc::{O_NOFOLLOW, O_NONBLOCK};
use nix::unistd::{Gid, Group, Uid, User};
use tamer_model::{Code, Problem};

use super::{process, program, user};
use crate::exec::LaunchError;

/// The permissions of a file that replaces nothing.
const DEFAULT_MODE: u32 = 0o644;
/// The permissions of a file, as `chmod` counts them, among all that its mode says.
const PERMISSIONS: u32 = 0o7777;

/// Permissions and owner that a file is to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    mode: u32,
    uid: Option<u32>,
    gid: Option<u32>,
}

/// A user that is not the agent's own, and its group.
#[derive(Debug, Clone, Copy)]
pub struct UserIds {
    uid: u32,
    gid: u32,
}

/// Opens or makes a file for its owner alone, to read and write it. One that was put there by
/// somebody else, or that leads elsewhere, is not taken.
pub fn open_partial(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.custom_flags(O_NOFOLLOW | O_NONBLOCK).open(path)?;
    let found = file.metadata()?;
    if found.is_file() && found.uid() == Uid::effective().as_raw() && found.nlink() == 1 {
        return Ok(file);
    }
    Err(io::Error::new(ErrorKind::AlreadyExists, "somebody else has put something there"))
}

/// Sets room aside for a file of `len` bytes without changing its length, where the file system
/// can; so that a full disk is told before anything moves.
pub fn reserve(file: &File, len: u64) -> io::Result<()> {
    let Ok(len) = i64::try_from(len) else { return Err(ErrorKind::FileTooLarge.into()) };
    if len == 0 {
        return Ok(());
    }
    match nix::fcntl::fallocate(file, FallocateFlags::FALLOC_FL_KEEP_SIZE, 0, len) {
        Ok(()) | Err(Errno::EOPNOTSUPP | Errno::ENOSYS) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Opens a file to read it, without waiting for a writer of one that is a pipe.
pub fn open_to_read(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path)
}

/// The same for a file that was seen at this very path: a link that has come there is not followed.
pub fn open_in_place(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(O_NONBLOCK | O_NOFOLLOW).open(path)
}

/// What a file is to get: what is asked for, else what the file has that it replaces, else what
/// files usually have. `owner` is `user` or `user:group`, by names or numbers.
pub fn rights(
    mode: Option<u32>,
    owner: Option<&str>,
    old: Option<&Metadata>,
) -> Result<Rights, Problem> {
    let (uid, gid) = match owner {
        Some(owner) => ids(owner)?,
        None => (None, None),
    };
    let own = Uid::effective();
    if !own.is_root() && uid.is_some_and(|uid| uid != own.as_raw()) {
        let message = "only an agent that runs as root can give a file to another user";
        return Err(Problem::new(Code::PermissionDenied, message).on("push.owner"));
    }
    let mode = mode.or_else(|| old.map(|old| old.mode() & PERMISSIONS)).unwrap_or(DEFAULT_MODE);
    let uid = uid.or_else(|| old.map(MetadataExt::uid));
    let gid = gid.or_else(|| old.map(MetadataExt::gid));
    Ok(Rights { mode, uid, gid })
}

/// Gives them to the file.
pub fn give(file: &File, rights: &Rights) -> io::Result<()> {
    let now = file.metadata()?;
    let uid = rights.uid.filter(|uid| *uid != now.uid());
    let gid = rights.gid.filter(|gid| *gid != now.gid());
    if uid.is_some() || gid.is_some() {
        fchown(file, uid, gid)?;
    }
    // After the owner, whose change takes the setuid bit away.
    if file.metadata()?.mode() & PERMISSIONS != rights.mode {
        file.set_permissions(Permissions::from_mode(rights.mode))?;
    }
    Ok(())
}

/// Makes an empty file that its owner alone may read and run.
pub fn create_script(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o700).open(path)
}

/// Makes a folder for its owner alone, which was not there.
pub fn create_new_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// The user to run as, when it is another than the agent's own.
pub fn other_user(name: Option<&str>) -> Result<Option<UserIds>, LaunchError> {
    let account = user::account(name)?;
    if account.switch.is_none() {
        return Ok(None);
    }
    let unknown = || LaunchError::User { reason: format!("there is no user {:?}", account.name) };
    let user = User::from_name(&account.name).ok().flatten().ok_or_else(unknown)?;
    Ok(Some(UserIds { uid: user.uid.as_raw(), gid: user.gid.as_raw() }))
}

/// Gives a file or a folder to this user.
pub fn hand_over(path: &Path, user: &UserIds) -> io::Result<()> {
    lchown(path, Some(user.uid), Some(user.gid))
}

/// The program that reads a script, and its argument, as the script's first line names them: all
/// that follows the program is one argument, as for Linux itself (execve(2)).
pub fn interpreter(name: &str, head: &[u8]) -> Result<Vec<String>, String> {
    let line = head.strip_prefix(b"#!").and_then(|rest| rest.split(|byte| *byte == b'\n').next());
    let line = line.map(String::from_utf8_lossy).unwrap_or_default();
    let mut words = line.trim().splitn(2, [' ', '\t']).map(|word| word.trim().to_owned());
    match words.next().filter(|program| !program.is_empty()) {
        Some(program) => Ok([program].into_iter().chain(words).collect()),
        None => Err(format!("the first line of {name} names no interpreter (#!/path/of/one)")),
    }
}

/// The interpreter that is not there, if one is missing; looks behind `env` too. `path` is the
/// PATH that the script is given, when it is given one.
pub fn missing_interpreter(argv: &[String], path: Option<&str>) -> Option<String> {
    let [program, rest @ ..] = argv else { return None };
    let path = path.map_or_else(process::search_path, str::to_owned);
    if !is_program(program, &path) {
        return Some(program.clone());
    }
    if Path::new(program).file_name().is_none_or(|name| name != "env") {
        return None;
    }
    let words = rest.iter().flat_map(|text| text.split_whitespace());
    let mut named = words.filter(|word| !word.starts_with('-') && !word.contains('='));
    let named = named.next()?;
    (!is_program(named, &path)).then(|| named.to_owned())
}

fn is_program(name: &str, path: &str) -> bool {
    match name.contains('/') {
        // One that is no program is told as such when it is started.
        true => Path::new(name).exists(),
        false => program::find(name, path).is_some(),
    }
}

fn ids(owner: &str) -> Result<(Option<u32>, Option<u32>), Problem> {
    let (user, group) = match owner.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (owner, None),
    };
    let unknown = |what: &str, name: &str| {
        let message = format!("there is no {what} {name:?} on this host");
        Problem::new(Code::NotFound, message)
            .on("push.owner")
            .remedy("make it first, or leave it out")
    };
    let uid = |name: &str| {
        let known = User::from_name(name).ok().flatten().map(|user| user.uid);
        known.or_else(|| name.parse().ok().map(Uid::from_raw)).ok_or_else(|| unknown("user", name))
    };
    let gid = |name: &str| {
        let known = Group::from_name(name).ok().flatten().map(|group| group.gid);
        known.or_else(|| name.parse().ok().map(Gid::from_raw)).ok_or_else(|| unknown("group", name))
    };
    // `:group` leaves the user as it is, as for chown.
    let user = (!user.is_empty()).then(|| uid(user)).transpose()?;
    let group = group.filter(|group| !group.is_empty()).map(gid).transpose()?;
    Ok((user.map(Uid::as_raw), group.map(Gid::as_raw)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_first_line_names_the_interpreter() {
        let of = |head: &str| interpreter("x.sh", head.as_bytes());
        assert_eq!(of("#!/bin/sh\necho"), Ok(vec!["/bin/sh".to_owned()]));
        assert_eq!(
            of("#! /usr/bin/env  -S python3 -u \r\n"),
            Ok(vec!["/usr/bin/env".to_owned(), "-S python3 -u".to_owned(),])
        );
        for bad in ["", "echo", "#!", "#!  \n/bin/sh", " #!/bin/sh"] {
            assert!(of(bad).expect_err(bad).contains("x.sh"), "{bad:?}");
        }
    }

    #[test]
    fn an_interpreter_that_is_missing_is_named_also_behind_env() {
        let missing = |argv: &[&str], path| {
            let argv: Vec<_> = argv.iter().map(|word| (*word).to_owned()).collect();
            missing_interpreter(&argv, path)
        };
        assert_eq!(missing(&["/bin/sh"], None), None);
        assert_eq!(missing(&["sh"], None), None);
        assert_eq!(missing(&["sh"], Some("/nowhere")).as_deref(), Some("sh"));
        assert_eq!(missing(&["/no/such"], None).as_deref(), Some("/no/such"));
        assert_eq!(missing(&["/usr/bin/env", "sh"], None), None);
        assert_eq!(
            missing(&["/usr/bin/env", "-S A=b no-such -u"], None).as_deref(),
            Some("no-such")
        );
        assert_eq!(missing(&["/usr/bin/env", "-i"], None), None);
        assert_eq!(missing(&[], None), None);
    }

    #[test]
    fn owners_are_names_or_numbers() {
        assert_eq!(ids("root"), Ok((Some(0), None)));
        assert_eq!(ids("root:root"), Ok((Some(0), Some(0))));
        assert_eq!(ids("12:34"), Ok((Some(12), Some(34))));
        assert_eq!(ids(":34"), Ok((None, Some(34))));
        for bad in ["no-such-user", "root:no-such-group"] {
            assert_eq!(ids(bad).expect_err(bad).field.as_deref(), Some("push.owner"));
        }
    }

    #[test]
    fn what_somebody_else_put_there_is_not_written_to() {
        let temp = tempfile::tempdir().expect("a folder");
        let path = |name: &str| temp.path().join(name);
        drop(open_partial(&path("new")).expect("made"));
        fs::write(path("target"), "kept").expect("written");
        std::os::unix::fs::symlink(path("target"), path("link")).expect("linked");
        fs::hard_link(path("target"), path("second")).expect("linked");
        for name in ["link", "second"] {
            assert!(open_partial(&path(name)).is_err(), "{name}");
        }
        assert_eq!(fs::read(path("target")).expect("read"), b"kept");
    }
}
