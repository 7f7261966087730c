//! `LOCAL:REMOTE`, where either side may be a Windows path with a colon of its own.

use std::ffi::OsString;
use std::path::PathBuf;

use tamer_model::Problem;

/// The two paths of a push. The remote one is absolute, so the colon before it is the one that
/// parts them; a single letter before `:/` or `:\` is a drive, when another colon follows.
pub fn push_paths(text: OsString) -> Result<(PathBuf, String), Problem> {
    let Some(text) = text.to_str() else {
        return Err(Problem::field("push", "the path is not Unicode")
            .remedy("write the push into a spec file, or rename the file"));
    };
    let colons: Vec<usize> = text.match_indices(':').map(|(at, _)| at).collect();
    let fits = |at: &&usize| **at > 0 && is_absolute(&text[**at + 1..]);
    let parting = colons.iter().filter(fits).find(|at| !is_drive(text, **at));
    match parting.or_else(|| colons.iter().find(fits)) {
        Some(at) => Ok((PathBuf::from(&text[..*at]), text[at + 1..].to_owned())),
        None => Err(Problem::field("push", format!("{text:?} is not LOCAL:REMOTE"))
            .remedy("write it as nginx.conf:/etc/nginx/nginx.conf; the remote path is absolute")),
    }
}

fn is_absolute(path: &str) -> bool {
    let drive = |path: &str| {
        path.starts_with(|c: char| c.is_ascii_alphabetic())
            && matches!(path.get(1..3), Some(":/" | ":\\"))
    };
    path.starts_with('/') || path.starts_with("\\\\") || drive(path)
}

/// Whether the colon at `at` belongs to a drive: of the first path, or of the second.
fn is_drive(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    let letter = at > 0 && bytes[at - 1].is_ascii_alphabetic();
    let begins = at == 1 || (at >= 2 && bytes[at - 2] == b':');
    letter && begins && matches!(bytes.get(at + 1), Some(b'/' | b'\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parts(text: &str, local: &str, remote: &str) {
        let parted = push_paths(text.into()).expect(text);
        assert_eq!(parted, (PathBuf::from(local), remote.to_owned()), "{text}");
    }

    #[test]
    fn the_right_colon_parts_them() {
        parts("x.conf:/etc/x.conf", "x.conf", "/etc/x.conf");
        parts("a:/etc/x", "a", "/etc/x");
        parts("ab:cd:/etc/x", "ab:cd", "/etc/x");
        parts("C:\\x.exe:/opt/x", "C:\\x.exe", "/opt/x");
        parts("C:/x.exe:D:\\y.exe", "C:/x.exe", "D:\\y.exe");
        parts("f:C:/y", "f", "C:/y");
        parts("x.conf:\\\\server\\share\\x", "x.conf", "\\\\server\\share\\x");
        parts("x:/a:b", "x", "/a:b");
    }

    #[test]
    fn what_has_no_absolute_end_is_refused() {
        for text in ["", ":", "x", "x:", "x:y", ":/etc/x", "x:~/y"] {
            let problem = push_paths(text.into()).expect_err(text);
            assert_eq!(problem.field.as_deref(), Some("push"), "{text}");
        }
    }
}
