//! A file that is there whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tamer_model::{Code, Problem};

use crate::platform;

/// A file that is written beside its place, and only its owner can read. Dropped before
/// [`Whole::keep`] it leaves nothing, and what was at its place stays.
#[derive(Debug)]
pub struct Whole {
    file: File,
    beside: PathBuf,
    place: PathBuf,
    kept: bool,
}

impl Whole {
    /// Begins one.
    ///
    /// # Errors
    /// `InvalidField` when the place is a folder, `DataFolder` when nothing can be written there.
    pub fn begin(place: &Path) -> Result<Self, Problem> {
        let name = place.file_name().filter(|_| !place.is_dir()).ok_or_else(|| {
            Problem::field("file", format!("{} is a folder", place.display()))
                .remedy("say the name of a file in it")
        })?;
        let mark = format!(".{}.new-{}", name.to_string_lossy(), std::process::id());
        let beside = place.with_file_name(mark);
        let file = platform::create_private(&beside).map_err(|error| failed(place, &error))?;
        Ok(Self { file, beside, place: place.to_owned(), kept: false })
    }

    /// Writes more of it.
    ///
    /// # Errors
    /// `DataFolder` when it cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        self.file.write_all(bytes).map_err(|error| failed(&self.place, &error))
    }

    /// It is whole: puts it at its place, after its bytes are on the disk.
    ///
    /// # Errors
    /// `DataFolder` when it cannot be put there.
    pub fn keep(mut self) -> Result<(), Problem> {
        let put = self.file.sync_all().and_then(|()| fs::rename(&self.beside, &self.place));
        put.map_err(|error| failed(&self.place, &error))?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        if !self.kept {
            // Somebody may have taken it away; the reason of the end is told already.
            let _ = fs::remove_file(&self.beside);
        }
    }
}

fn failed(place: &Path, error: &io::Error) -> Problem {
    Problem::new(Code::DataFolder, format!("cannot write {}: {error}", place.display()))
        .on("file")
        .remedy("check the folder's permissions and the free space, then try again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("x.json");
        let names = || fs::read_dir(folder.path()).expect("a folder").count();
        fs::write(&place, "before").expect("writes");
        let mut cut = Whole::begin(&place).expect("begins");
        cut.write(b"half").expect("writes");
        assert_eq!(names(), 2);
        drop(cut);
        assert_eq!((fs::read_to_string(&place).expect("reads").as_str(), names()), ("before", 1));
        let mut whole = Whole::begin(&place).expect("begins");
        whole.write(b"after").expect("writes");
        whole.keep().expect("keeps");
        assert_eq!((fs::read_to_string(&place).expect("reads").as_str(), names()), ("after", 1));
        for wrong in [folder.path().to_owned(), folder.path().join("none/x")] {
            let problem = Whole::begin(&wrong).expect_err("no place");
            assert_eq!(problem.field.as_deref(), Some("file"));
        }
    }
}
