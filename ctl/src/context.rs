//! Contexts: the fleets that this machine knows, and which of them is meant.
//!
//! A context file is what the coordinator writes at its first start: addresses, the fleet's CA, and
//! a user's certificate and key. It is as good as a password, so it must be private.

mod explain;
mod file;
mod folder;
mod secret;

use std::path::PathBuf;

use tamer_model::{Code, Problem};

pub use explain::Explain;
pub use file::{Context, read, write};
pub use folder::{Folder, Known};
pub use secret::Secret;

/// The path of a context file to use whatever else is set.
const FILE_VARIABLE: &str = "TAMER_CONFIG";
/// The name of the context to use.
const NAME_VARIABLE: &str = "TAMER_CONTEXT";

/// Which context is meant, and what said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// A file, by `TAMER_CONFIG`.
    File(PathBuf),
    /// A name, by the flag or the environment.
    Name(String),
    /// The one in use.
    Current,
}

/// Opens the context that is meant; `flag` is `--context`.
pub fn open(flag: Option<&str>) -> Result<Context, Problem> {
    match choose(flag)? {
        Choice::File(path) => read(&path),
        Choice::Name(name) => Folder::of_user()?.open(&name),
        Choice::Current => Folder::of_user()?.open_current(),
    }
}

/// Which context is meant: the flag, then `TAMER_CONTEXT`, then the one in use. `TAMER_CONFIG` stands
/// above names, and contradicts a flag.
pub fn choose(flag: Option<&str>) -> Result<Choice, Problem> {
    let told = |variable| std::env::var_os(variable).filter(|value| !value.is_empty());
    let name = told(NAME_VARIABLE).map(|name| name.to_string_lossy().into_owned());
    decide(flag, told(FILE_VARIABLE).map(PathBuf::from), name)
}

fn decide(
    flag: Option<&str>,
    file: Option<PathBuf>,
    name: Option<String>,
) -> Result<Choice, Problem> {
    match (file, flag, name) {
        (Some(_), Some(_), _) => {
            let message = format!("--context and {FILE_VARIABLE} both say which fleet is meant");
            Err(Problem::new(Code::ConfigInvalid, message)
                .on("context")
                .remedy(format!("leave out --context, or unset {FILE_VARIABLE}")))
        }
        (Some(path), None, _) => Ok(Choice::File(path)),
        (None, Some(name), _) => Ok(Choice::Name(name.to_owned())),
        (None, None, Some(name)) => Ok(Choice::Name(name)),
        (None, None, None) => Ok(Choice::Current),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_beats_the_environment_and_the_file_stands_alone() {
        let name = |text: &str| Choice::Name(text.to_owned());
        assert_eq!(decide(Some("a"), None, Some("b".to_owned())), Ok(name("a")));
        assert_eq!(decide(None, None, Some("b".to_owned())), Ok(name("b")));
        assert_eq!(decide(None, None, None), Ok(Choice::Current));
        let file = Some(PathBuf::from("f"));
        assert_eq!(decide(None, file.clone(), Some("b".to_owned())), Ok(Choice::File("f".into())));
        assert!(decide(Some("a"), file, None).is_err());
    }
}
