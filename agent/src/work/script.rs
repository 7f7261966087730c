//! A script: got once, put into a private file under its own name, run by its interpreter.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use tamer_model::{Code, CommandSpec, Problem, ScriptSpec, TaskEnd};

use super::command::{self, NotBegun};
use super::content::{LitterKind, Used, off_thread, problem};
use super::{Failure, Halt, Job, Workshop};
use crate::exec::LaunchError;
use crate::platform::{self, UserIds};

/// How much of a script is looked at for its first line, in bytes. Linux looks at 256.
const HEAD: u64 = 1024;

/// Runs the script to its end. Getting it may take as long as it may run.
pub async fn run(shop: &Workshop, job: &mut Job, spec: &ScriptSpec) -> TaskEnd {
    job.begun();
    let mut halt = job.halt(spec.command.timeout_ms);
    let user = match platform::other_user(spec.command.user.as_deref()) {
        Ok(user) => user,
        Err(error) => return error.end(),
    };
    let private = match Private::make(shop, user.as_ref()).await {
        Ok(private) => private,
        Err(problem) => return TaskEnd::failed(problem),
    };
    let end = match prepare(shop, job, spec, &private, user, &mut halt).await {
        Ok(command) => execute(job, spec, &command).await,
        Err(failure) => failure.end("its script was got", "; nothing of it ran"),
    };
    private.remove().await;
    end
}

/// Puts the script into its private file. Returns the command that runs it.
async fn prepare(
    shop: &Workshop,
    job: &mut Job,
    spec: &ScriptSpec,
    private: &Private,
    user: Option<UserIds>,
    halt: &mut Halt,
) -> Result<CommandSpec, Failure> {
    let path = private.folder.join(&spec.name);
    let name = path.clone();
    let made = off_thread(move || platform::create_script(&name).map(drop)).await;
    made.map_err(|error| problem("write", &path, &error))?;
    shop.scripts.copy(job, spec.content, &path, halt).await?;
    let interpreter = interpreter(spec, &path).await?;
    if let Some(user) = user {
        private.hand_over(path.clone(), user).await?;
    }
    let text = path.to_string_lossy().into_owned();
    let arguments = spec.command.argv.iter().skip(1).cloned();
    let argv = interpreter.into_iter().chain([text]).chain(arguments).collect();
    Ok(CommandSpec { argv, ..spec.command.clone() })
}

/// The program that reads the script, with its arguments; nothing where the script itself is run.
async fn interpreter(spec: &ScriptSpec, path: &Path) -> Result<Vec<String>, Problem> {
    let argv = match spec.interpreter.is_empty() {
        false => spec.interpreter.clone(),
        true => {
            let file = path.to_owned();
            let head = off_thread(move || {
                let mut head = Vec::new();
                File::open(file)?.take(HEAD).read_to_end(&mut head).map(|_| head)
            });
            let head = head.await.map_err(|error| problem("read", path, &error))?;
            platform::interpreter(&spec.name, &head).map_err(|message| {
                Problem::new(Code::InvalidField, message)
                    .on("script.interpreter")
                    .remedy("name the program that reads it with --interpreter")
            })?
        }
    };
    match platform::missing_interpreter(&argv, spec.command.env.get("PATH").map(String::as_str)) {
        Some(program) => Err(not_there(spec, &program)),
        None => Ok(argv),
    }
}

async fn execute(job: &mut Job, spec: &ScriptSpec, command: &CommandSpec) -> TaskEnd {
    match command::begin(job, command).await {
        Ok(end) => end,
        Err(NotBegun::Launch(LaunchError::NotFound { program })) => {
            TaskEnd::failed(not_there(spec, &program))
        }
        Err(NotBegun::Launch(error)) => error.end(),
        Err(NotBegun::Unwritten(end)) => *end,
    }
}

fn not_there(spec: &ScriptSpec, program: &str) -> Problem {
    let message =
        format!("{program:?}, the interpreter of {}, was not found on this host", spec.name);
    Problem::new(Code::NotFound, message)
        .on("script.interpreter")
        .remedy("install it there, or name another with --interpreter")
}

/// A folder that holds one script, for whoever runs it alone.
struct Private {
    folder: PathBuf,
    /// When it lies outside the agent's folder, which is emptied at each start.
    used: Option<Used>,
}

impl Private {
    /// Another user cannot look into the agent's folder; for one it is made where everybody can.
    async fn make(shop: &Workshop, user: Option<&UserIds>) -> Result<Self, Problem> {
        let name = random_name().map_err(|error| problem("name", &shop.folder, &error))?;
        let outside = user.map(|_| shop.litter.clone());
        let folder = match outside {
            Some(_) => std::env::temp_dir().join(format!("tamer-script-{name}")),
            None => shop.script_folder().join(name),
        };
        let made = folder.clone();
        let used = off_thread(move || {
            let used = match outside {
                Some(litter) => Some(litter.note(LitterKind::Script, &made)?),
                None => {
                    made.parent().map_or(Ok(()), platform::create_private_folder)?;
                    None
                }
            };
            platform::create_new_folder(&made)?;
            Ok(used)
        });
        let used = used.await.map_err(|error| problem("make the folder", &folder, &error))?;
        Ok(Self { folder, used })
    }

    /// Gives the file and then the folder to the user: once the folder is theirs, nothing in it is
    /// for us to trust.
    async fn hand_over(&self, file: PathBuf, user: UserIds) -> Result<(), Problem> {
        let folder = self.folder.clone();
        let given = off_thread(move || {
            platform::hand_over(&file, &user)?;
            platform::hand_over(&folder, &user)
        });
        given.await.map_err(|error| problem("change the owner of", &self.folder, &error))
    }

    async fn remove(self) {
        let Self { folder, used } = self;
        let removed = off_thread(move || {
            match fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => used.map_or((), Used::gone),
            }
            Ok(())
        });
        if let Err(error) = removed.await {
            tracing::warn!(%error, "the file of a script stays until the agent starts again");
        }
    }
}

/// A name that nobody can guess.
fn random_name() -> io::Result<String> {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
