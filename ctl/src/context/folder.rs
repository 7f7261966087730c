//! The folder that remembers contexts: `contexts/NAME.toml` and `current`.

use std::io;
use std::path::PathBuf;

use tamer_model::{Code, Problem};

use super::{Context, read, write};
use crate::platform;

const ENDING: &str = "toml";
const LONGEST_NAME: usize = 64;

/// Where contexts are remembered.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

/// A remembered context.
#[derive(Debug)]
pub struct Known {
    /// Its name.
    pub name: String,
    /// Whether it is the one in use.
    pub current: bool,
    /// What its file holds, or why it cannot be read.
    pub context: Result<Context, Problem>,
}

impl Folder {
    /// The user's own.
    pub fn of_user() -> Result<Self, Problem> {
        platform::config_folder().map(Self).ok_or_else(|| {
            Problem::new(Code::ConfigInvalid, "there is no home folder to keep contexts in")
                .remedy("set HOME, or name a context file in TAMER_CONFIG")
        })
    }

    /// One in `path`.
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Opens the context of this name.
    pub fn open(&self, name: &str) -> Result<Context, Problem> {
        let path = self.file(name)?;
        if !path.exists() {
            return Err(Problem::new(Code::ConfigInvalid, format!("there is no context {name:?}"))
                .on("context")
                .remedy("`tamerctl context ls` shows those there are"));
        }
        read(&path)
    }

    /// Opens the one in use.
    pub fn open_current(&self) -> Result<Context, Problem> {
        match self.current()? {
            Some(name) => self.open(&name),
            None => Err(Problem::new(Code::ConfigInvalid, "no fleet is known here")
                .on("context")
                .remedy("start one to try with `tamerctl dev`, or import the context file that a coordinator wrote: `tamerctl context import FILE`")),
        }
    }

    /// The name of the one in use.
    pub fn current(&self) -> Result<Option<String>, Problem> {
        match std::fs::read_to_string(self.0.join("current")) {
            Ok(text) => Ok(Some(text.trim().to_owned()).filter(|name| !name.is_empty())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Puts the context of this name to use.
    pub fn choose(&self, name: &str) -> Result<Context, Problem> {
        let context = self.open(name)?;
        self.set_current(name)?;
        Ok(context)
    }

    /// Remembers `context` under its name and puts it to use. Another fleet's of the same name is
    /// kept, and refused, unless `replace`.
    pub fn import(&self, context: &Context, replace: bool) -> Result<PathBuf, Problem> {
        let path = self.file(&context.name)?;
        if let (false, true, Ok(old)) = (replace, path.exists(), read(&path))
            && old.fleet != context.fleet
        {
            let message = format!("{:?} is already the name of another fleet", context.name);
            return Err(Problem::new(Code::Conflict, message)
                .on("name")
                .remedy("choose another name: `tamerctl context import FILE --name NAME`"));
        }
        platform::make_private_folder(&self.0.join("contexts"))
            .map_err(|error| self.failed(&error))?;
        write(&path, context)?;
        self.set_current(&context.name)?;
        Ok(path)
    }

    /// All of them, by name.
    pub fn list(&self) -> Result<Vec<Known>, Problem> {
        let current = self.current()?;
        let entries = match std::fs::read_dir(self.0.join("contexts")) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed(&error)),
        };
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let paths = paths.filter(|path| path.extension().is_some_and(|e| e == ENDING));
        let mut known: Vec<_> = paths
            .filter_map(|path| {
                let name = path.file_stem()?.to_str()?.to_owned();
                let current = current.as_deref() == Some(name.as_str());
                Some(Known { current, name, context: read(&path) })
            })
            .collect();
        known.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(known)
    }

    fn set_current(&self, name: &str) -> Result<(), Problem> {
        let path = self.0.join("current");
        platform::write_private(&path, format!("{name}\n").as_bytes())
            .map_err(|error| self.failed(&error))
    }

    /// The file of this name, which must be one that every file system takes.
    fn file(&self, name: &str) -> Result<PathBuf, Problem> {
        let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let fits = name.len() <= LONGEST_NAME && name.chars().all(ok);
        if !fits || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return Err(Problem::field("name", format!("{name:?} cannot name a context")).remedy(
                format!(
                    "use 1 to {LONGEST_NAME} of a-z A-Z 0-9 . _ -, beginning with a letter or digit"
                ),
            ));
        }
        Ok(self.0.join("contexts").join(format!("{name}.{ENDING}")))
    }

    fn failed(&self, error: &io::Error) -> Problem {
        Problem::new(Code::DataFolder, format!("cannot use {}: {error}", self.0.display()))
            .remedy("check the folder's owner and permissions, and the free space")
    }
}

#[cfg(test)]
mod tests {
    use super::super::file::tests::context;
    use super::*;

    #[test]
    fn the_last_one_imported_is_in_use_until_another_is_chosen() {
        let temporary = tempfile::tempdir().expect("a folder");
        let folder = Folder::new(temporary.path().join("tamer"));
        assert_eq!(folder.open_current().expect_err("none").code, Code::ConfigInvalid);
        folder.import(&context("lab", "f-1"), false).expect("imports");
        folder.import(&context("home", "f-2"), false).expect("imports");
        assert_eq!(folder.open_current().expect("home").fleet, "f-2");
        folder.choose("lab").expect("lab");
        let names = |known: Known| (known.name, known.current);
        let listed: Vec<_> = folder.list().expect("lists").into_iter().map(names).collect();
        assert_eq!(listed, [("home".to_owned(), false), ("lab".to_owned(), true)]);
    }

    #[test]
    fn a_name_is_not_taken_from_another_fleet_and_leads_nowhere_else() {
        let temporary = tempfile::tempdir().expect("a folder");
        let folder = Folder::new(temporary.path().to_owned());
        folder.import(&context("lab", "f-1"), false).expect("imports");
        let refused = folder.import(&context("lab", "f-2"), false).expect_err("taken");
        assert_eq!(refused.code, Code::Conflict);
        assert!(folder.import(&context("lab", "f-2"), true).is_ok());
        for name in ["../x", "", ".hidden", "a/b", "a b"] {
            assert_eq!(folder.open(name).expect_err("no name").field.as_deref(), Some("name"));
        }
    }
}
