//! The same as arguments: which flags there are, and where on the line each of them stood.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::{Flag, StepFlags};
use crate::spec::values::{Bytes, Mode};

const SCRIPT: &str = "script";
const INTERPRETER: &str = "interpreter";
const PUSH: &str = "push";
const MODE: &str = "mode";
const OWNER: &str = "owner";
const FOLDERS: &str = "folders";
const FETCH: &str = "fetch";
const LIMIT: &str = "fetch_limit";
const COMMAND: &str = "command";

impl clap::Args for StepFlags {
    fn augment_args(command: Command) -> Command {
        let again = |id: &'static str| Arg::new(id).long(id).action(ArgAction::Append);
        command.next_help_heading("What, in the order given").args([
            again(SCRIPT).value_name("FILE").value_parser(value_parser!(PathBuf)).help(
                "Run a script of this machine; when it is the last step, the words after `--` are its arguments",
            ),
            again(INTERPRETER).value_name("COMMAND").help(
                "The program that reads the script, as 'python3 -u' [default: its first line's, on Windows its name's]",
            ),
            again(PUSH).value_name("LOCAL:REMOTE").value_parser(value_parser!(OsString)).help(
                "Put a file of this machine on the hosts, at an absolute path; into a folder when that ends with /",
            ),
            again(MODE).value_name("OCTAL").value_parser(str::parse::<Mode>).help(
                "The permissions of the pushed file [default: those of the one it replaces, or 0644]",
            ),
            again(OWNER)
                .value_name("USER[:GROUP]")
                .help("The owner of the pushed file [default: that of the one it replaces]"),
            Arg::new(FOLDERS)
                .long(FOLDERS)
                .action(ArgAction::Append)
                .num_args(0)
                .default_missing_value("yes")
                .help("Make the folders of the pushed file that are missing"),
            again(FETCH).value_name("REMOTE").help("Bring a file from the hosts"),
            Arg::new(LIMIT)
                .long("fetch-limit")
                .action(ArgAction::Append)
                .value_name("BYTES")
                .value_parser(str::parse::<Bytes>)
                .help("The largest file that is fetched [default: 64M]"),
            Arg::new(COMMAND)
                .last(true)
                .num_args(0..)
                .value_name("COMMAND")
                .help("The command and its arguments, after `--`"),
        ])
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for StepFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Vec::new();
        take(matches, SCRIPT, Flag::Script, &mut flags);
        take(matches, INTERPRETER, Flag::Interpreter, &mut flags);
        take(matches, PUSH, Flag::Push, &mut flags);
        take(matches, MODE, Flag::Mode, &mut flags);
        take(matches, OWNER, Flag::Owner, &mut flags);
        take(matches, FOLDERS, |_: String| Flag::Folders, &mut flags);
        take(matches, FETCH, Flag::Fetch, &mut flags);
        take(matches, LIMIT, Flag::Limit, &mut flags);
        let words = matches.get_many::<String>(COMMAND).into_iter().flatten().cloned().collect();
        Ok(Self { flags, words })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn take<T: Clone + Send + Sync + 'static>(
    matches: &ArgMatches,
    id: &str,
    flag: fn(T) -> Flag,
    flags: &mut Vec<(usize, Flag)>,
) {
    let values = matches.get_many::<T>(id).into_iter().flatten().cloned().map(flag);
    flags.extend(matches.indices_of(id).into_iter().flatten().zip(values));
}
