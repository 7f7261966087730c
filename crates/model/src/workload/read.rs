//! Reading a file or a document, with errors that name the path a person wrote.

use serde::{Deserialize, Deserializer};

use crate::Problem;

/// The largest file of workloads, in bytes. What is in it is stored twice in one commit, as the
/// record and as its version, and a commit has 1.25 MiB.
pub const MAX_FILE_BYTES: usize = 512 * 1024;
/// The most keys that are listed where none is near what was written.
const MOST_KEYS: usize = 24;

/// Refuses a file, or all documents of a request together, of more than [`MAX_FILE_BYTES`], before
/// anything of it is read.
pub fn check_file_size(bytes: usize) -> Result<(), Problem> {
    if bytes <= MAX_FILE_BYTES {
        return Ok(());
    }
    let message = format!("{bytes} bytes of workloads, more than {MAX_FILE_BYTES}");
    Err(Problem::field("workloads", message)
        .remedy("divide the file: each file is applied as a whole"))
}

/// Reads a value. An error names its path (`instance.imgae`), and for a key or word that is not
/// known the one that is most like it. `words` gives an error of the format in one line.
pub fn read<'de, D, T>(from: D, words: impl FnOnce(&D::Error) -> String) -> Result<T, Problem>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    serde_path_to_error::deserialize(from).map_err(|error| {
        let path = error.path().to_string();
        // Where a format breaks off between two keys, the last part is not known.
        let path = path.trim_start_matches('.').trim_end_matches('?').trim_end_matches('.');
        problem(path, &words(error.inner()))
    })
}

/// `text` is what serde says, which names what it did not know and what it would have taken.
fn problem(path: &str, text: &str) -> Problem {
    let on = |problem: Problem| match path {
        "" => problem,
        path => problem.on(path),
    };
    for (kind, what) in [("unknown field `", "key"), ("unknown variant `", "word")] {
        let Some((word, rest)) = text.strip_prefix(kind).and_then(|rest| rest.split_once('`'))
        else {
            continue;
        };
        let known: Vec<_> = rest.split('`').skip(1).step_by(2).collect();
        // Where the path is not told, it is at least told which word it was.
        let place = if path.is_empty() || what == "word" { word } else { path };
        let message = format!("{place:?} is no {what} that is known here");
        return on(Problem::field(word, message).remedy(suggestion(word, &known, what)));
    }
    if let Some((key, _)) =
        text.strip_prefix("missing field `").and_then(|rest| rest.split_once('`'))
    {
        let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        return Problem::field(path.clone(), format!("{path} is missing"));
    }
    on(Problem::field("workloads", text))
}

fn suggestion(word: &str, known: &[&str], what: &str) -> String {
    let near = known
        .iter()
        .map(|one| (strsim::osa_distance(&word.to_lowercase(), one), *one))
        .filter(|(distance, one)| *distance <= one.len().max(word.len()).div_ceil(3))
        .min();
    match near {
        Some((_, near)) => format!("did you mean {near}?"),
        None if known.is_empty() => format!("there is no {what} to write here"),
        None => {
            let all = known.iter().take(MOST_KEYS).copied().collect::<Vec<_>>().join(", ");
            let more = if known.len() > MOST_KEYS { ", …" } else { "" };
            format!("write one of: {all}{more}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WorkloadSpec;

    fn error(json: &str) -> Problem {
        let mut from = serde_json::Deserializer::from_str(json);
        let words = |error: &serde_json::Error| {
            let text = error.to_string();
            text.rsplit_once(" at line ").map_or(text.clone(), |(text, _)| text.to_owned())
        };
        read::<_, WorkloadSpec>(&mut from, words).expect_err(json)
    }

    #[track_caller]
    fn check(json: &str, field: &str, remedy: &str) {
        let problem = error(json);
        assert_eq!(problem.field.as_deref(), Some(field), "{problem:?}");
        assert_eq!(problem.remedy.as_deref(), Some(remedy), "{problem:?}");
    }

    #[test]
    fn an_unknown_key_is_named_with_the_one_that_was_meant() {
        let with = |rest: &str| format!(r#"{{"name":"web","provider":"docker",{rest}}}"#);
        check(&with(r#""instance":{"imgae":"x"}"#), "instance.imgae", "did you mean image?");
        check(&with(r#""instnace":{}"#), "instnace", "did you mean instance?");
        check(
            &with(r#""instance":{},"update":{"max_inflight":2}"#),
            "update.max_inflight",
            "did you mean max_in_flight?",
        );
        check(&with(r#""instance":{},"packing":"thight""#), "packing", "did you mean tight?");
        check(
            &with(r#""instance":{},"spread":[{"over":"zone"},{"over":"rack","zzzzzz":1}]"#),
            "spread[1].zzzzzz",
            "write one of: over, weight, max_skew",
        );
    }

    #[test]
    fn a_wrong_value_is_named_by_its_path() {
        for (rest, field) in [
            (r#""constraints":["os=linux","zone in a"]"#, "constraints[1]"),
            (r#""run":{"to_completion":{"completions":"x"}}"#, "run.to_completion.completions"),
            (r#""resources":{"memory":"lots"}"#, "resources.memory"),
            (r#""spread":[{"weight":9}]"#, "spread[0].over"),
        ] {
            let problem =
                error(&format!(r#"{{"name":"web","provider":"docker","instance":{{}},{rest}}}"#));
            assert_eq!(problem.field.as_deref(), Some(field), "{problem:?}");
        }
    }

    #[test]
    fn a_file_that_is_too_large_is_refused_once() {
        assert_eq!(check_file_size(MAX_FILE_BYTES), Ok(()));
        let problem = check_file_size(10_000_000).expect_err("it is too large");
        assert_eq!(problem.message, "10000000 bytes of workloads, more than 524288");
    }
}
