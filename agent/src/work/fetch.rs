//! A file brought from the host.

use std::path::Path;

use tamer_model::{FetchFile, Problem, TaskEnd};

use super::content::{Source, upload};
use super::{Failure, Halt, Job, Workshop};

/// Brings the file, and tells what it was.
pub async fn run(shop: &Workshop, job: &mut Job, spec: &FetchFile) -> TaskEnd {
    job.begun();
    let mut halt = job.halt(spec.timeout_ms);
    match bring(shop, job, spec, &mut halt).await {
        Ok(source) => {
            job.print(&format!("{}: {} bytes", spec.path, source.content.size));
            TaskEnd { fetched: Some(source.content), ..super::succeeded() }
        }
        Err(failure) => {
            let after = "; what was brought is kept for another attempt";
            failure.end("the file was brought", after)
        }
    }
}

async fn bring(
    shop: &Workshop,
    job: &mut Job,
    spec: &FetchFile,
    halt: &mut Halt,
) -> Result<Source, Failure> {
    let path = absolute(&spec.path, "fetch.path")?;
    let _place = shop.transfers.place(halt).await?;
    let source = Source::look(path, spec.limit, halt).await?;
    upload(&shop.transfers, job, &source, halt).await?;
    Ok(source)
}

/// The path, if it is one of this host: what is absolute on Linux is not on Windows.
pub(super) fn absolute<'a>(text: &'a str, field: &str) -> Result<&'a Path, Problem> {
    let path = Path::new(text);
    if path.is_absolute() {
        return Ok(path);
    }
    let os = crate::platform::OS.as_str();
    Err(Problem::field(field, format!("{text:?} is not an absolute path on this host ({os})"))
        .remedy("choose hosts by their system, as in `-l os=linux`"))
}
