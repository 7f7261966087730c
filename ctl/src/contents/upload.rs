//! Files on their way to the coordinator.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tamer_model::{Code, Content, Problem};
use tokio::sync::mpsc;

use super::digest::{Digests, read, unreadable};
use super::progress::Progress;
use crate::Session;
use crate::api::{Api, Held, PIECE, Piece};
use crate::errors::Failure;
use crate::follow::insist;

/// Pieces that are read before the network took them: 64 KiB each, so 512 KiB wait.
const WAITING: usize = 8;

/// Sends what the coordinator does not have yet.
pub async fn send_all(digests: &Digests, api: &mut Api, session: &Session) -> Result<(), Failure> {
    for (path, content) in &digests.0 {
        // What a lost connection has left there is not sent again: every attempt asks first.
        insist(session, api, async |api| send(path, *content, api).await).await?;
    }
    Ok(())
}

async fn send(path: &Path, content: Content, api: &mut Api) -> Result<(), Problem> {
    let Held { have, complete } = api.stat_content(content).await?;
    if complete {
        return Ok(());
    }
    let (pieces, waiting) = mpsc::channel(WAITING);
    let mut progress = Progress::new(path, content.size);
    let from = path.to_owned();
    // It ends with the file, or when nobody takes its pieces any more.
    let reader = tokio::task::spawn_blocking(move || {
        feed(&from, have, &mut |piece| {
            progress.at(piece.offset + piece.data.len() as u64);
            pieces.blocking_send(piece).is_ok()
        })
    });
    let sent = api.put_content(content, waiting).await;
    let fed = reader.await.unwrap_or_else(|error| Err(io::Error::other(error)));
    match (sent, fed) {
        (Ok(Held { complete: true, .. }), _) => Ok(()),
        (Ok(Held { complete: false, .. }), Ok(())) => Err(changed(path)),
        (_, Err(error)) => Err(unreadable(path, &error)),
        (Err(problem), Ok(())) => Err(explained(path.to_owned(), content, problem).await),
    }
}

/// Gives a file from an offset on, until its end or until nobody wants more.
fn feed(path: &Path, from: u64, take: &mut dyn FnMut(Piece) -> bool) -> io::Result<()> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut offset = from;
    loop {
        let mut data = Vec::with_capacity(PIECE);
        (&mut file).take(PIECE as u64).read_to_end(&mut data)?;
        let read = data.len() as u64;
        if read == 0 || !take(Piece { offset, data: Bytes::from(data) }) {
            return Ok(());
        }
        offset += read;
    }
}

/// Why it was not taken: when the file is another by now, that is why.
async fn explained(path: PathBuf, content: Content, problem: Problem) -> Problem {
    let again = path.clone();
    let now = tokio::task::spawn_blocking(move || read(&again)).await;
    match now {
        Ok(Ok(now)) if now == content => problem,
        Ok(Ok(_)) => changed(&path),
        Ok(Err(error)) => unreadable(&path, &error),
        Err(_) => problem,
    }
}

fn changed(path: &Path) -> Problem {
    Problem::new(Code::Conflict, format!("{} changed while it was sent", path.display()))
        .on("file")
        .remedy("nothing was started: try again when nothing writes to it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_fed_from_any_byte_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x");
        let bytes: Vec<u8> = (0..PIECE * 2 + 7).map(|at| at as u8).collect();
        std::fs::write(&path, &bytes).expect("writes");
        for from in [0, 1, PIECE, bytes.len()] {
            let mut got = Vec::new();
            feed(&path, from as u64, &mut |piece| {
                assert_eq!(piece.offset, (from + got.len()) as u64);
                assert!(piece.data.len() <= PIECE);
                got.extend_from_slice(&piece.data);
                true
            })
            .expect("feeds");
            assert_eq!(got, &bytes[from..], "from {from}");
        }
        let mut pieces = 0;
        feed(&path, 0, &mut |_| {
            pieces += 1;
            false
        })
        .expect("stops");
        assert_eq!(pieces, 1);
    }
}
