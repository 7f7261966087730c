//! Which files are meant, and their text.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use tamer_model::{MAX_FILE_WORKLOADS, Problem};

/// The most bytes of one file; one that is larger is not read. The documents in it may be far
/// smaller than a file with its comments.
const MOST: u64 = 4 << 20;
/// The endings that are taken from a folder.
const ENDINGS: [&str; 4] = ["toml", "yaml", "yml", "json"];

/// A file to read.
#[derive(Debug)]
pub struct Source {
    /// Where it is; `-` is standard input.
    pub path: PathBuf,
    /// What it is called in messages.
    pub shown: String,
}

/// The files that `paths` mean: a folder means those in it, by name.
pub fn all(paths: &[PathBuf]) -> Result<Vec<Source>, Problem> {
    if paths.is_empty() {
        return Err(Problem::field("file", "no file is given").remedy(
            "give -f FILE, a folder, or - for standard input; `tamerctl workload init` prints an example",
        ));
    }
    if paths.iter().filter(|path| is_stdin(path)).count() > 1 {
        return Err(Problem::field("file", "standard input is given twice").remedy("give it once"));
    }
    let mut files = Vec::new();
    for path in paths {
        match path.is_dir() {
            true => files.extend(folder(path)?),
            false => files.push(path.clone()),
        }
    }
    // Each has one workload at least.
    if files.len() > MAX_FILE_WORKLOADS {
        let message = format!("{} files, more than {MAX_FILE_WORKLOADS}", files.len());
        return Err(Problem::field("file", message).remedy("apply fewer at once"));
    }
    let source = |path: PathBuf| {
        let shown = match is_stdin(&path) {
            true => "standard input".to_owned(),
            false => path.display().to_string(),
        };
        Source { path, shown }
    };
    Ok(files.into_iter().map(source).collect())
}

/// The text of one.
pub fn read(Source { path, shown }: &Source) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    let read = match is_stdin(path) {
        true => std::io::stdin().lock().take(MOST + 1).read_to_end(&mut bytes),
        false => File::open(path).and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes)),
    };
    let unread = |why: &dyn std::fmt::Display| {
        Problem::field("file", format!("cannot read {shown}: {why}"))
            .remedy("give the path of a TOML, YAML or JSON file, or - for standard input")
    };
    read.map_err(|error| unread(&error))?;
    if bytes.len() as u64 > MOST {
        let message = format!("{shown} has more than {MOST} bytes");
        return Err(Problem::field("file", message).remedy("divide it, and apply the parts"));
    }
    String::from_utf8(bytes).map_err(|_| unread(&"it is not UTF-8"))
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The files of a folder that can hold workloads. A folder with none is a slip of the pen.
fn folder(path: &Path) -> Result<Vec<PathBuf>, Problem> {
    let shown = path.display();
    let unread = |error: std::io::Error| {
        Problem::field("file", format!("cannot read the folder {shown}: {error}"))
            .remedy("give a folder that can be read")
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        let fits = path
            .extension()
            .is_some_and(|own| ENDINGS.iter().any(|ending| own.eq_ignore_ascii_case(ending)));
        if fits && path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() {
        let message = format!("{shown} has no file that ends in .toml, .yaml, .yml or .json");
        return Err(Problem::field("file", message).remedy("give another folder, or a file"));
    }
    files.sort();
    Ok(files)
}
