//! Scripts and files that batches carry. Their contents travel apart from the batch: a batch names
//! them by digest and size.

use serde::{Deserialize, Serialize};

use crate::{CommandSpec, Fingerprint, Problem};

/// The largest file that can be pushed or fetched: 16 GiB.
pub const MAX_CONTENT_BYTES: u64 = 16 << 30;
/// The largest script.
pub const MAX_SCRIPT_BYTES: u64 = 16 << 20;
/// The largest file that is fetched unless the spec says otherwise.
pub const DEFAULT_FETCH_LIMIT: u64 = 64 << 20;
const MAX_PATH: usize = 4096;
const MAX_NAME: usize = 255;
const MAX_INTERPRETER: usize = 16;

/// The content of a file: what its bytes are, not where they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Content {
    /// SHA-256 of its bytes.
    pub digest: Fingerprint,
    /// How many bytes.
    pub size: u64,
}

/// A script and how to run it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptSpec {
    /// Its text.
    pub content: Content,
    /// Its file's name: shown to people, and what says on Windows which interpreter it needs
    /// (`.ps1` PowerShell, `.cmd` and `.bat` cmd).
    pub name: String,
    /// The program that reads it, and its arguments before the script's path. Empty: the one that
    /// its first line names (`#!`), on Windows the one of its name's ending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interpreter: Vec<String>,
    /// How it is run. `argv` holds the name and then the script's own arguments; `shell` is false.
    pub command: CommandSpec,
}

/// A file to put on hosts. A file that is there is replaced at once or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushFile {
    /// What it holds.
    pub content: Content,
    /// Where it goes: an absolute path of the host, the file's name included.
    pub path: String,
    /// Its permissions, as `chmod` counts them; those of the file that is replaced, or 0644, when
    /// absent. Windows knows none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
    /// Who owns it, as `user` or `user:group`; that of the file that is replaced, or the agent's
    /// own, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Whether folders that are missing are made.
    #[serde(default)]
    pub folders: bool,
    /// After this long it is given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// A file to bring from hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchFile {
    /// Where it is: an absolute path of the host.
    pub path: String,
    /// The most bytes it may have.
    pub limit: u64,
    /// After this long it is given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

impl Content {
    fn validate(self, field: &str, most: u64) -> Result<(), Problem> {
        if self.size > most {
            return Err(Problem::field(field, format!("{} bytes, more than {most}", self.size)));
        }
        Ok(())
    }
}

impl ScriptSpec {
    /// Checks what a peer sent.
    pub fn validate(mut self) -> Result<Self, Problem> {
        self.content.validate("script", MAX_SCRIPT_BYTES)?;
        let bad = |c: char| c == '/' || c == '\\' || c.is_control();
        if self.name.is_empty() || self.name.len() > MAX_NAME || self.name.contains(bad) {
            return Err(Problem::field("script.name", "not the name of a file"));
        }
        if self.interpreter.len() > MAX_INTERPRETER
            || self.interpreter.first().is_some_and(String::is_empty)
            || self.interpreter.iter().any(|word| word.contains('\0'))
        {
            return Err(Problem::field("script.interpreter", "not a program and its arguments")
                .remedy("write it as in `python3 -u`"));
        }
        if self.command.shell {
            return Err(Problem::field("script", "a script is not read by the shell twice"));
        }
        self.command = self.command.validate()?;
        Ok(self)
    }
}

impl PushFile {
    /// Checks what a peer sent.
    pub fn validate(self) -> Result<Self, Problem> {
        self.content.validate("push", MAX_CONTENT_BYTES)?;
        path(&self.path, "push.path")?;
        if self.mode.is_some_and(|mode| mode > 0o7777) {
            return Err(Problem::field("push.mode", "not between 0 and 7777, in octal"));
        }
        let nul = |text: &String| text.is_empty() || text.contains('\0') || text.len() > MAX_NAME;
        if self.owner.as_ref().is_some_and(nul) {
            return Err(Problem::field("push.owner", "not a user or user:group"));
        }
        Ok(self)
    }
}

impl FetchFile {
    /// Checks what a peer sent.
    pub fn validate(self) -> Result<Self, Problem> {
        path(&self.path, "fetch.path")?;
        if self.limit == 0 || self.limit > MAX_CONTENT_BYTES {
            let message = format!("not between 1 and {MAX_CONTENT_BYTES} bytes");
            return Err(Problem::field("fetch.limit", message));
        }
        Ok(self)
    }
}

/// Absolute on Linux or on Windows: which of them, the host knows.
fn path(text: &str, field: &str) -> Result<(), Problem> {
    let bytes = text.as_bytes();
    let drive = bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes.get(1) == Some(&b':')
        && matches!(bytes.get(2), Some(b'\\' | b'/'));
    let absolute = text.starts_with('/') || text.starts_with("\\\\") || drive;
    let folder = text.ends_with(['/', '\\']);
    if !absolute || folder || text.len() > MAX_PATH || text.contains('\0') {
        return Err(Problem::field(field, format!("{text:?} is not the absolute path of a file"))
            .remedy("write /etc/motd or C:\\Tools\\x.exe, with the file's name"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_absolute_files() {
        for good in ["/etc/motd", "C:\\x\\y.exe", "d:/y", "\\\\server\\share\\y"] {
            assert_eq!(path(good, "p"), Ok(()), "{good}");
        }
        for bad in ["", "etc/motd", "/etc/", "C:x", "~/x", "C:\\", "/a\0b"] {
            assert!(path(bad, "p").is_err(), "{bad:?}");
        }
    }
}
