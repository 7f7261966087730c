//! What work on files and scripts needs of Windows. Who may do what with a file, its folder says.

use std::convert::Infallible;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

use tamer_model::{Code, Problem};

use super::process;
use crate::exec::LaunchError;

/// Nothing: a file has the rights of its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights;

/// There is none: a command runs as the agent's own user.
#[derive(Debug, Clone, Copy)]
pub struct UserIds(Infallible);

/// Opens or makes a file, to read and write it.
pub fn open_partial(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// NTFS has no way to set room aside without changing a file's length.
pub fn reserve(_: &File, _: u64) -> io::Result<()> {
    Ok(())
}

/// Opens a file to read it.
pub fn open_to_read(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// The same for a file that was seen at this very path.
pub fn open_in_place(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// What a file is to get: what its folder says. A mode means nothing here.
pub fn rights(
    _: Option<u32>,
    owner: Option<&str>,
    _: Option<&Metadata>,
) -> Result<Rights, Problem> {
    match owner {
        None => Ok(Rights),
        Some(_) => {
            let message = "a file's owner is not set on Windows";
            Err(Problem::new(Code::Unsupported, message)
                .on("push.owner")
                .remedy("leave it out for hosts with Windows"))
        }
    }
}

/// There is nothing to give.
pub fn give(_: &File, _: &Rights) -> io::Result<()> {
    Ok(())
}

/// Makes an empty file.
pub fn create_script(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Makes a folder, which was not there.
pub fn create_new_folder(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}

/// The user to run as, when it is another than the agent's own: there is none.
pub fn other_user(name: Option<&str>) -> Result<Option<UserIds>, LaunchError> {
    match name {
        None => Ok(None),
        Some(name) => Err(process::no_user(name)),
    }
}

/// Gives a file or a folder to this user.
pub fn hand_over(_: &Path, user: &UserIds) -> io::Result<()> {
    match user.0 {}
}

/// The program that reads a script, by the ending of its name. A batch file is run as it is: cmd,
/// which is started for it, takes its arguments as they are then.
pub fn interpreter(name: &str, _: &[u8]) -> Result<Vec<String>, String> {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("ps1") => {
            let words = ["powershell", "-NoProfile", "-ExecutionPolicy", "Bypass", "-File"];
            Ok(words.map(str::to_owned).to_vec())
        }
        Some("cmd" | "bat") => Ok(Vec::new()),
        _ => Err(format!(
            "the ending of {name} is none that an interpreter is known for (.ps1, .cmd, .bat)"
        )),
    }
}

/// Nothing is known before it is tried: Windows looks in more places than PATH.
pub fn missing_interpreter(_: &[String], _: Option<&str>) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_names_the_interpreter() {
        let of = |name: &str| interpreter(name, b"");
        assert!(of("a.PS1").is_ok_and(|argv| argv[0] == "powershell"));
        assert_eq!(of("b.c.bat"), Ok(Vec::new()));
        for bad in ["a", "a.py", ".ps1x"] {
            assert!(of(bad).expect_err(bad).contains(bad), "{bad}");
        }
    }
}
