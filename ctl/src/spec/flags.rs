//! The steps of a command line, in the order in which they are given.

use std::ffi::OsString;
use std::path::PathBuf;

use tamer_model::Problem;

use super::paths::push_paths;
use super::step::{Deed, Push, Step};
use super::task::TaskArgs;
use super::values::{Bytes, Mode};

mod arguments;

/// What is done, as flags say it: files pushed and fetched, scripts, and at last a command.
#[derive(Debug, Clone, Default)]
pub struct StepFlags {
    /// In their order, with what was said about each.
    flags: Vec<(usize, Flag)>,
    /// After `--`.
    words: Vec<String>,
}

#[derive(Debug, Clone)]
enum Flag {
    Script(PathBuf),
    Interpreter(String),
    Push(OsString),
    Mode(Mode),
    Owner(String),
    Folders,
    Fetch(String),
    Limit(Bytes),
}

impl StepFlags {
    /// Whether nothing is said.
    pub const fn is_empty(&self) -> bool {
        self.flags.is_empty() && self.words.is_empty()
    }

    /// The steps. The words after `--` are the arguments of a script when that is the last step;
    /// otherwise they are a command that runs after all others.
    pub fn steps(self, shell: bool, task: &TaskArgs) -> Result<Vec<Step>, Problem> {
        let Self { mut flags, words } = self;
        flags.sort_by_key(|(at, _)| *at);
        let flags: Vec<Flag> = flags.into_iter().map(|(_, flag)| flag).collect();
        let alone = |is: fn(&Flag) -> bool| flags.iter().filter(|flag| is(flag)).count() == 1;
        let (one_push, one_script, one_fetch) = (
            alone(|flag| matches!(flag, Flag::Push(_))),
            alone(|flag| matches!(flag, Flag::Script(_))),
            alone(|flag| matches!(flag, Flag::Fetch(_))),
        );
        let mut deeds: Vec<Deed> = Vec::new();
        let mut early: Vec<Flag> = Vec::new();
        for flag in flags {
            match deed(flag)? {
                Ok(deed) => deeds.push(deed),
                Err(about) => {
                    if let Some(about) = attach(&mut deeds, about) {
                        early.push(about);
                    }
                }
            }
        }
        // What stands before the only step that it can be about is about that one.
        for about in early {
            let (field, of, one) = about.about();
            let one = match one {
                Kind::Push => one_push,
                Kind::Script => one_script,
                Kind::Fetch => one_fetch,
            };
            if !one || attach(&mut deeds, about).is_some() {
                return Err(Problem::field(field, format!("--{field} is about no --{of}"))
                    .remedy(format!("write it after the --{of} that it is about")));
            }
        }
        last_words(&mut deeds, words, shell)?;
        Ok(deeds.into_iter().map(|deed| Step { deed, task: task.clone() }).collect())
    }
}

enum Kind {
    Push,
    Script,
    Fetch,
}

impl Flag {
    /// Its name, the name of what it is about, and the kind of that.
    fn about(&self) -> (&'static str, &'static str, Kind) {
        match self {
            Self::Interpreter(_) | Self::Script(_) => ("interpreter", "script", Kind::Script),
            Self::Mode(_) | Self::Push(_) => ("mode", "push", Kind::Push),
            Self::Owner(_) => ("owner", "push", Kind::Push),
            Self::Folders => ("folders", "push", Kind::Push),
            Self::Limit(_) | Self::Fetch(_) => ("fetch-limit", "fetch", Kind::Fetch),
        }
    }
}

/// A step, or the flag again when it says something about one.
fn deed(flag: Flag) -> Result<Result<Deed, Flag>, Problem> {
    Ok(Ok(match flag {
        Flag::Script(path) => Deed::Script { path, interpreter: Vec::new(), args: Vec::new() },
        Flag::Push(text) => {
            let (local, path) = push_paths(text)?;
            Deed::Push(Push { local, path, mode: None, owner: None, folders: false })
        }
        Flag::Fetch(path) => Deed::Fetch { path, limit: None },
        about @ (Flag::Interpreter(_)
        | Flag::Mode(_)
        | Flag::Owner(_)
        | Flag::Folders
        | Flag::Limit(_)) => return Ok(Err(about)),
    }))
}

/// Says it of the newest step that it can be about; gives it back when there is none.
fn attach(deeds: &mut [Deed], about: Flag) -> Option<Flag> {
    for deed in deeds.iter_mut().rev() {
        match (deed, &about) {
            (Deed::Script { interpreter, .. }, Flag::Interpreter(words)) => {
                *interpreter = words.split_whitespace().map(ToOwned::to_owned).collect();
            }
            (Deed::Push(push), Flag::Mode(mode)) => push.mode = Some(*mode),
            (Deed::Push(push), Flag::Owner(owner)) => push.owner = Some(owner.clone()),
            (Deed::Push(push), Flag::Folders) => push.folders = true,
            (Deed::Fetch { limit, .. }, Flag::Limit(most)) => *limit = Some(*most),
            (
                Deed::Command(_)
                | Deed::Shell(_)
                | Deed::Script { .. }
                | Deed::Push(_)
                | Deed::Fetch { .. }
                | Deed::Instance(_),
                _,
            ) => continue,
        }
        return None;
    }
    Some(about)
}

fn last_words(deeds: &mut Vec<Deed>, words: Vec<String>, shell: bool) -> Result<(), Problem> {
    let no_command = || {
        Err(Problem::field("shell", "--shell reads a command, and there is none")
            .remedy("write the command after `--`, or leave out --shell"))
    };
    match deeds.last_mut() {
        Some(Deed::Script { args, .. }) if shell => {
            *args = words;
            no_command()
        }
        Some(Deed::Script { args, .. }) => {
            *args = words;
            Ok(())
        }
        Some(_) | None if words.is_empty() => {
            if shell {
                no_command()
            } else {
                Ok(())
            }
        }
        Some(_) | None => {
            deeds.push(if shell { Deed::Shell(words.join(" ")) } else { Deed::Command(words) });
            Ok(())
        }
    }
}
