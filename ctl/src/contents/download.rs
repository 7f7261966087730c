//! Fetched files on their way here: into `DIR/HOST/NAME`, whole and verified or not at all. What
//! came of a file stays beside its place, and the next try goes on from there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use tamer_model::{Code, Content, HostName, Problem};

use super::digest::{finished, of_reader, read};
use super::progress::Progress;
use crate::api::{Api, Fetched, Pieces};
use crate::contract::Task;

/// Files that come at once: they share one connection, and the disk is one too.
const AT_ONCE: usize = 4;

/// Saves the file of each task that fetched one into a folder; `name` is the name it gets.
/// Returns how many there are now.
pub async fn save_all(
    batch: &str,
    tasks: &[Task],
    name: &str,
    folder: &Path,
    api: &Api,
) -> Result<usize, Problem> {
    let with_file = tasks.iter().filter_map(|task| Some((task, task.state.end()?.fetched?)));
    let saves = with_file.map(|(task, content)| {
        let mut api = api.clone();
        async move {
            let place = place(folder, task, name)?;
            let which = Fetched { batch, host: &task.host, item: task.item, offset: 0 };
            save(which, content, &place, &mut api).await
        }
    });
    stream::iter(saves).buffer_unordered(AT_ONCE).try_fold(0, async |n, ()| Ok(n + 1)).await
}

/// The name of a file of a host, from its path there, such that it is one here: the last part,
/// without the signs that one of the systems gives a meaning to.
pub fn file_name(remote: &str) -> String {
    let last = remote.rsplit(['/', '\\']).next().unwrap_or_default();
    let special = |c: char| c.is_control() || "<>:\"|?*".contains(c);
    let name: String = last.chars().map(|c| if special(c) { '_' } else { c }).collect();
    match name.as_str() {
        "" | "." | ".." => "file".to_owned(),
        _ => name,
    }
}

/// Where the file of a task goes. A host's name is a name, never a path: it is read as one again
/// before it becomes a folder.
fn place(folder: &Path, task: &Task, name: &str) -> Result<PathBuf, Problem> {
    let host: HostName = task.name.parse().map_err(|_| {
        Problem::new(Code::Internal, format!("{:?} cannot name a folder", task.name)).on("host")
    })?;
    Ok(folder.join(host.as_str()).join(file_name(name)))
}

async fn save(
    which: Fetched<'_>,
    content: Content,
    place: &Path,
    api: &mut Api,
) -> Result<(), Problem> {
    let wrong = |error: io::Error| {
        Problem::new(Code::DataFolder, format!("cannot write {}: {error}", place.display()))
            .on("to")
            .remedy("check the folder's permissions and the free space, then get the files again")
    };
    if fs::metadata(place).is_ok_and(|there| there.len() == content.size)
        && read(place).map_err(wrong)? == content
    {
        return Ok(());
    }
    let part = part_of(place, content);
    let (mut file, mut hash, have) = begun(&part, content).map_err(wrong)?;
    if have < content.size {
        let pieces = api.fetched(Fetched { offset: have, ..which }).await?;
        let have = receive(pieces, have, content, place, &mut |bytes| {
            hash.update(bytes);
            file.write_all(bytes).map_err(wrong)
        })
        .await?;
        if have < content.size {
            let what = format!("{} broke off after {have} bytes", place.display());
            return Err(Problem::new(Code::Unreachable, what)
                .remedy("get the files again: what came is kept"));
        }
    }
    file.sync_all().map_err(wrong)?;
    drop(file);
    if finished(&hash) != content.digest {
        fs::remove_file(&part).map_err(wrong)?;
        let what = format!("{} came with another content than its host told", place.display());
        return Err(Problem::new(Code::Conflict, what).remedy("get the files again"));
    }
    fs::rename(&part, place).map_err(wrong)
}

/// Takes pieces until their end; tells how much there is then.
async fn receive(
    mut pieces: Pieces,
    mut have: u64,
    content: Content,
    place: &Path,
    take: &mut dyn FnMut(&[u8]) -> Result<(), Problem>,
) -> Result<u64, Problem> {
    let mut progress = Progress::new(place, content.size);
    while let Some(piece) = pieces.next().await? {
        let end = piece.offset.saturating_add(piece.data.len() as u64);
        if piece.offset != have || end > content.size {
            let what = format!("{}: a piece came out of its place", place.display());
            return Err(Problem::new(Code::Internal, what).remedy("get the files again"));
        }
        take(&piece.data)?;
        have = end;
        progress.at(have);
    }
    Ok(have)
}

/// Where it is written until it is whole. Its name tells the content, so that what came of one is
/// never taken for the beginning of another.
fn part_of(place: &Path, content: Content) -> PathBuf {
    let name = place.file_name().map(|name| name.to_string_lossy().into_owned());
    place.with_file_name(format!(".{}.{}.part", name.unwrap_or_default(), content.digest.short()))
}

/// Opens the part, with the hash and the length of what is in it.
fn begun(part: &Path, content: Content) -> io::Result<(File, Context, u64)> {
    if let Some(folder) = part.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut hash = Context::new(&SHA256);
    let mut have = match File::open(part) {
        Ok(file) => of_reader(file, &mut hash)?.size,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    let file = OpenOptions::new().create(true).append(true).open(part)?;
    if have > content.size {
        // Not of this content, whatever its name says.
        file.set_len(0)?;
        (hash, have) = (Context::new(&SHA256), 0);
    }
    Ok((file, hash, have))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contents::Digests;

    #[test]
    fn a_name_is_never_a_way_out() {
        for (remote, name) in [
            ("/var/log/app.log", "app.log"),
            ("C:\\logs\\app.log", "app.log"),
            ("/a/..", "file"),
            ("/", "file"),
            ("/x/a:b?", "a_b_"),
            ("/x/\u{1b}[2J", "_[2J"),
        ] {
            assert_eq!(file_name(remote), name, "{remote}");
        }
    }

    #[tokio::test]
    async fn what_came_is_gone_on_from() {
        let folder = tempfile::tempdir().expect("a folder");
        let whole = folder.path().join("whole");
        fs::write(&whole, "abcdef").expect("writes");
        let content = Digests::of(vec![whole.clone()]).await.expect("reads").get(&whole);
        let content = content.expect("is there");
        let part = part_of(&folder.path().join("web").join("x"), content);
        let (mut file, _, have) = begun(&part, content).expect("begins");
        assert_eq!(have, 0);
        file.write_all(b"abc").expect("writes");
        drop(file);
        let (mut file, mut hash, have) = begun(&part, content).expect("goes on");
        assert_eq!(have, 3);
        file.write_all(b"def").expect("writes");
        hash.update(b"def");
        assert_eq!(finished(&hash), content.digest);
        file.write_all(b"too much").expect("writes");
        drop(file);
        let (_, _, have) = begun(&part, content).expect("begins anew");
        assert_eq!((have, fs::metadata(&part).expect("is there").len()), (0, 0));
    }
}
