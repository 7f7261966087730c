//! A file put on the host: beside its place first, and into it at once when it is whole and right.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use tamer_model::{Code, HostId, Problem, PushFile, TaskEnd};

use super::content::{LitterKind, Partial, Reading, Used, download, hex, off_thread, problem};
use super::fetch::absolute;
use super::{Failure, Halt, Job, Workshop};
use crate::platform::{self, Rights};

/// How much of a file that is there is read before it is looked whether to go on, in bytes.
const READ: usize = 4 * 1024 * 1024;

/// Puts the file into its place, unless it is there.
pub async fn run(shop: &Workshop, job: &mut Job, spec: &PushFile) -> TaskEnd {
    job.begun();
    let mut halt = job.halt(spec.timeout_ms);
    match put(shop, job, spec, &mut halt).await {
        Ok(Put::Written) => {
            job.print(&format!("{}: written, {} bytes", spec.path, spec.content.size));
            super::succeeded()
        }
        Ok(Put::WasThere) => {
            job.print(&format!("{}: already there", spec.path));
            TaskEnd { reason: Some("already there".to_owned()), ..super::succeeded() }
        }
        Err(failure) => failure.end("the file was on its way", "; its place was not touched"),
    }
}

/// What was done.
enum Put {
    Written,
    WasThere,
}

async fn put(
    shop: &Workshop,
    job: &mut Job,
    spec: &PushFile,
    halt: &mut Halt,
) -> Result<Put, Failure> {
    let path = absolute(&spec.path, "push.path")?;
    let folder = folder_of(path, spec.folders).await?;
    let partial = folder.join(partial_name(spec, job.task.host));
    let _turn = shop.transfers.turn(&partial, halt).await?;
    let _place = shop.transfers.place(halt).await?;
    let old = look(path).await?;
    let rights = platform::rights(spec.mode, spec.owner.as_deref(), old.as_ref())?;
    if let Some(old) = old
        && is_there(path, &old, spec, halt).await?
    {
        give(path, rights).await?;
        return Ok(Put::WasThere);
    }
    let (litter, name) = (shop.litter.clone(), partial.clone());
    let used = off_thread(move || litter.note(LitterKind::Partial, &name)).await;
    let used = used.map_err(|error| problem("remember", &partial, &error))?;
    let written = write(shop, job, spec, (path, &partial), rights, halt).await;
    settle(written, used, partial).await
}

/// Gets the file beside its place, and puts it there.
async fn write(
    shop: &Workshop,
    job: &mut Job,
    spec: &PushFile,
    (path, beside): (&Path, &Path),
    rights: Rights,
    halt: &mut Halt,
) -> Result<(), Failure> {
    let mut partial = Partial::open(beside, spec.content, halt).await?;
    download(&shop.transfers, job, spec.content, &mut partial, halt).await?;
    partial.place(path, move |file| platform::give(file, &rights)).await?;
    Ok(())
}

/// What has come stays for another attempt when time was the matter, and goes when it is of no use:
/// it was not wanted any more, or its place or its bytes were wrong.
async fn settle(
    written: Result<(), Failure>,
    used: Used,
    partial: PathBuf,
) -> Result<Put, Failure> {
    use super::Cause;
    if let Err(Failure::Halted(Cause::AgentStops | Cause::TimedOut(_))) = &written {
        drop(used);
        return written.map(|()| Put::Written);
    }
    let cleaned = off_thread(move || {
        match fs::remove_file(&partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => used.gone(),
        }
        Ok(())
    });
    if let Err(error) = cleaned.await {
        tracing::warn!(%error, "what came of a file stays for a day");
    }
    written.map(|()| Put::Written)
}

/// Beside its place, so that it can be moved there at once. The host is part of the name: several
/// agents of one machine each have their own.
fn partial_name(spec: &PushFile, host: HostId) -> String {
    let digest = hex(&spec.content.digest);
    format!(".tamer-push-{}-{host}", &digest[..32])
}

/// The folder of a file, made if it is to be.
async fn folder_of(path: &Path, make: bool) -> Result<PathBuf, Problem> {
    let folder = path.parent().unwrap_or(path).to_owned();
    let name = folder.clone();
    let looked = off_thread(move || {
        if make {
            fs::create_dir_all(&name)?;
        }
        fs::metadata(&name)
    });
    match looked.await {
        Ok(metadata) if metadata.is_dir() => Ok(folder),
        Ok(_) => {
            let message = format!("{} is not a folder", folder.display());
            Err(Problem::new(Code::WrongState, message).on("push.path"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && !make => {
            let message = format!("there is no folder {} on this host", folder.display());
            Err(Problem::new(Code::NotFound, message)
                .on("push.path")
                .remedy("make it first, or push with --folders"))
        }
        Err(error) => Err(problem("make or look at the folder", &folder, &error).on("push.path")),
    }
}

/// What is in the file's place. A link is replaced and not followed: whoever may write into a
/// folder of the host must not choose where an agent of more rights writes.
async fn look(path: &Path) -> Result<Option<Metadata>, Problem> {
    let name = path.to_owned();
    match off_thread(move || fs::symlink_metadata(name)).await {
        Ok(there) if there.is_file() => Ok(Some(there)),
        Ok(there) if there.is_symlink() => Ok(None),
        Ok(there) => {
            let what = if there.is_dir() { "a folder" } else { "no regular file" };
            let message = format!("{} is {what} on this host", path.display());
            Err(Problem::new(Code::WrongState, message)
                .on("push.path")
                .remedy("name the file itself, or remove what is in its place"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(problem("look at", path, &error).on("push.path")),
    }
}

/// Whether the file in its place is what is to be put there.
async fn is_there(
    path: &Path,
    old: &Metadata,
    spec: &PushFile,
    halt: &mut Halt,
) -> Result<bool, Failure> {
    if old.len() != spec.content.size {
        return Ok(false);
    }
    // One that cannot be read can still be replaced.
    let Ok(mut reading) = Reading::in_place(path).await else { return Ok(false) };
    loop {
        halt.check().await?;
        let Ok(bytes) = reading.next(READ).await else { return Ok(false) };
        if bytes.is_empty() {
            break;
        }
    }
    Ok(reading.finish().await? == spec.content.digest)
}

/// Gives a file that is in its place the rights that were asked for.
async fn give(path: &Path, rights: Rights) -> Result<(), Problem> {
    let name = path.to_owned();
    let given = off_thread(move || platform::give(&platform::open_in_place(&name)?, &rights));
    given.await.map_err(|error| problem("change the owner or the mode of", path, &error))
}
