//! `tamerctl snapshot import`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use tamer_model::{Problem, SnapshotName};
use tokio::sync::mpsc;

use super::show::about;
use crate::Session;
use crate::api::PIECE;
use crate::contents::Progress;
use crate::contract::Time;
use crate::errors::Failure;
use crate::output::print;

/// Pieces that are read before the network took them: 64 KiB each, so 512 KiB wait.
const WAITING: usize = 8;
/// How long a file may take: the longest one that is taken, 4 GiB, at 1.2 MB a second.
const LIMIT: Duration = Duration::from_secs(60 * 60);
/// Standard input, as arguments say it.
const STDIN: &str = "-";

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file that `snapshot export` wrote, `-` for standard input
    file: PathBuf,
    /// What to call it [default: the name in the file]
    #[arg(long, value_name = "NAME")]
    name: Option<SnapshotName>,
}

/// Runs it. A lost answer is not asked for again: that might be a second snapshot.
pub async fn run(Args { file, name }: Args, session: &Session) -> Result<(), Failure> {
    let source = Source::open(&file)?;
    let mut api = session.api_within(LIMIT).await?;
    let (pieces, waiting) = mpsc::channel(WAITING);
    let broken = Arc::new(OnceLock::new());
    let told = Arc::clone(&broken);
    // It ends with the file, or when nobody takes its pieces any more. Nobody waits for it: a read
    // of standard input may never come back.
    tokio::task::spawn_blocking(move || {
        if let Err(error) = source.feed(&mut |piece| pieces.blocking_send(piece).is_ok()) {
            // Before the pieces end, so that whoever sees their end finds it.
            let _ = told.set(error);
        }
    });
    let name = name.map(|name| name.to_string()).unwrap_or_default();
    let sent = api.import_snapshot(&name, waiting).await;
    if let Some(error) = broken.get() {
        return Err(unreadable(&file, error).into());
    }
    let imported = sent.map_err(|problem| of_file(&file, problem))?;
    session.show(&imported, |_| about(&imported, Time::now(), print::columns()))
}

/// What is sent.
struct Source {
    from: Box<dyn Read + Send>,
    progress: Progress,
}

impl Source {
    fn open(path: &Path) -> Result<Self, Problem> {
        if path.as_os_str() == STDIN {
            let progress = Progress::of(Path::new("standard input"), None);
            return Ok(Self { from: Box::new(io::stdin()), progress });
        }
        let open = || {
            let file = File::open(path)?;
            let size = file.metadata()?.len();
            Ok((file, size))
        };
        let (file, size) = open().map_err(|error: io::Error| unreadable(path, &error))?;
        Ok(Self { from: Box::new(file), progress: Progress::new(path, size) })
    }

    /// Gives it piece by piece, until its end or until nobody wants more.
    fn feed(mut self, take: &mut dyn FnMut(Bytes) -> bool) -> io::Result<()> {
        let mut sent = 0;
        loop {
            let mut piece = Vec::with_capacity(PIECE);
            self.from.by_ref().take(PIECE as u64).read_to_end(&mut piece)?;
            sent += piece.len() as u64;
            if piece.is_empty() || !take(piece.into()) {
                return Ok(());
            }
            self.progress.at(sent);
        }
    }
}

/// A problem that the coordinator found in the file, with the file's name: it knows only the place.
fn of_file(path: &Path, problem: Problem) -> Problem {
    let field = problem.field.as_deref().unwrap_or_default();
    let part = field.split('.').next().unwrap_or_default();
    match ["snapshot", "version", "fleet"].contains(&part) {
        true => Problem { message: format!("{}: {}", shown(path), problem.message), ..problem },
        false => problem,
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    Problem::field("file", format!("cannot read {}: {error}", shown(path)))
        .remedy("check the path and its permissions; no snapshot was made")
}

fn shown(path: &Path) -> String {
    match path.as_os_str() == STDIN {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_fed_whole_and_in_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x");
        let bytes: Vec<u8> = (0..PIECE * 2 + 7).map(|at| at as u8).collect();
        std::fs::write(&path, &bytes).expect("writes");
        let mut got = Vec::new();
        let source = Source::open(&path).expect("opens");
        source
            .feed(&mut |piece| {
                assert!(piece.len() <= PIECE);
                got.extend_from_slice(&piece);
                true
            })
            .expect("feeds");
        assert_eq!(got, bytes);
        let mut pieces = 0;
        let source = Source::open(&path).expect("opens");
        source
            .feed(&mut |_| {
                pieces += 1;
                false
            })
            .expect("stops");
        assert_eq!(pieces, 1);
    }
}
