//! Documents as they come in a request: JSON, one a workload.

use tamer_model::{
    FILE_VERSION, MAX_FILE_WORKLOADS, Problem, WorkloadFile, WorkloadSpec, check_file_size, read,
};

/// The specs of a request's documents, in their order. Fields are named as in a file:
/// `workloads[2].instance.imgae`.
pub fn specs(documents: &[String]) -> Result<Vec<WorkloadSpec>, Problem> {
    check_file_size(documents.iter().map(String::len).sum())?;
    if documents.len() > MAX_FILE_WORKLOADS {
        let message = format!("{} workloads, more than {MAX_FILE_WORKLOADS}", documents.len());
        return Err(Problem::field("workloads", message)
            .remedy("divide the file: each file is applied as a whole"));
    }
    let workloads = documents.iter().enumerate().map(|(at, text)| spec(at, text));
    let workloads = workloads.collect::<Result<_, _>>()?;
    let WorkloadFile { workloads, version: _ } =
        WorkloadFile { version: FILE_VERSION, workloads }.validate()?;
    Ok(workloads)
}

/// A spec as its document.
pub fn document(spec: &WorkloadSpec) -> String {
    serde_json::to_string(spec).expect("specs are maps with text keys, which JSON can always hold")
}

fn spec(at: usize, text: &str) -> Result<WorkloadSpec, Problem> {
    let mut from = serde_json::Deserializer::from_str(text);
    let read = read(&mut from, words).map_err(|problem| within(at, problem))?;
    from.end().map_err(|error| within(at, Problem::field("", words(&error))))?;
    Ok(read)
}

fn within(at: usize, problem: Problem) -> Problem {
    // What has no path of its own is about the whole document.
    let path = match problem.field.as_deref() {
        None | Some("" | "workloads") => format!("workloads[{at}]"),
        Some(field) => format!("workloads[{at}].{field}"),
    };
    problem.on(path)
}

/// The error without its line and column: a person wrote another text than this one.
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((what, _)) => what.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEB: &str = r#"{"name":"web","provider":"docker","instance":{"image":"nginx"}}"#;

    #[track_caller]
    fn refused(documents: &[&str]) -> (String, String) {
        let documents: Vec<_> = documents.iter().map(|text| (*text).to_owned()).collect();
        let problem = specs(&documents).expect_err("it is wrong");
        (problem.field.unwrap_or_default(), problem.message)
    }

    #[test]
    fn a_document_comes_back_as_it_was_read() {
        let specs = specs(&[WEB.to_owned()]).expect("a good one");
        let again = super::specs(&[document(&specs[0])]).expect("what was written");
        assert_eq!(again, specs);
    }

    #[test]
    fn what_is_wrong_is_named_by_its_place() {
        let db = WEB.replace("web", "db").replace("image", "imgae");
        let (field, message) = refused(&[WEB, &db]);
        assert_eq!(field, "workloads[1].instance.imgae");
        assert_eq!(message, "\"instance.imgae\" is no key that is known here");
        assert_eq!(refused(&[WEB, WEB]).0, "workloads[1].name");
        assert_eq!(refused(&["{"]).0, "workloads[0]");
        assert_eq!(refused(&[&format!("{WEB}x")]).0, "workloads[0]");
        assert_eq!(refused(&[]).0, "workloads");
        assert_eq!(refused(&[&" ".repeat(10_000_000)]).1.split(' ').next(), Some("10000000"));
        assert_eq!(refused(&["1"; MAX_FILE_WORKLOADS + 1]).0, "workloads");
    }
}
