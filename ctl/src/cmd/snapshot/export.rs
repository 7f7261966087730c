//! `tamerctl snapshot export`.

use std::path::{Path, PathBuf};

use tamer_model::{Code, Problem, StreamKind};

use crate::Session;
use crate::api::SnapshotFile;
use crate::contents::{Progress, Whole};
use crate::contract::Exported;
use crate::errors::Failure;
use crate::output::{Line, human, print};
use crate::platform::stop_requests;
use crate::view::escape;

/// What it is called while it goes to standard output.
const UNNAMED: &str = "the snapshot";

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its id, or a name that the newest has
    snapshot: String,
    /// The file to write [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Runs it. A file that is cut short is none: it is not there.
pub async fn run(Args { snapshot, file }: Args, session: &Session) -> Result<(), Failure> {
    if file.is_none() && print::is_terminal(StreamKind::Stdout) {
        return Err(Problem::field("file", "a snapshot's file is nothing to read on a terminal")
            .remedy("name a file for it: -f FILE, or send it into a program: | jq …")
            .into());
    }
    let Some(place) = file else {
        let mut coming = session.api().await?.export_snapshot(&snapshot).await?;
        let write = |piece: &[u8]| Ok(print::raw(StreamKind::Stdout, piece)?);
        return receive(&mut coming, Path::new(UNNAMED), write).await.map(drop);
    };
    let mut whole = Whole::begin(&place)?;
    let mut stop = stop_requests()?;
    let mut coming = session.api().await?.export_snapshot(&snapshot).await?;
    let received = receive(&mut coming, &place, |piece| Ok(whole.write(piece)?));
    // Whichever loses is dropped for good, and the file with it.
    let bytes = tokio::select! {
        received = received => received?,
        () = stop.next() => {
            print::note("stopped; nothing was written");
            return Err(Failure::Targets);
        }
    };
    whole.keep()?;
    let exported = Exported { file: place.display().to_string(), bytes };
    session.show(&exported, |_| {
        let text = format!("{}: {}", exported.file, human::size(bytes));
        vec![Line::plain(escape::text(&text))]
    })
}

/// Hands on the file until its end; tells how many bytes it has.
async fn receive(
    coming: &mut SnapshotFile,
    place: &Path,
    mut write: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    let mut progress = Progress::of(place, None);
    let mut bytes = 0u64;
    while let Some(piece) = coming.next().await.map_err(cut)? {
        write(&piece)?;
        bytes += piece.len() as u64;
        progress.at(bytes);
    }
    match bytes {
        0 => Err(Problem::new(Code::Internal, "the coordinator sent an empty file").into()),
        bytes => Ok(bytes),
    }
}

fn cut(problem: Problem) -> Problem {
    let message = format!("the snapshot's file was cut short: {}", problem.message);
    let remedy = "export it again; `tamerctl snapshot verify` says what is damaged";
    Problem { message, ..problem.clone() }.remedy(problem.remedy.as_deref().unwrap_or(remedy))
}
