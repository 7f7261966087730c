//! Workloads as people write them: files, folders or standard input; TOML, YAML or JSON. All that is
//! read in one call is one apply.

mod document;
mod files;
mod form;

use std::collections::BTreeMap;
use std::path::PathBuf;

use tamer_model::{Code, MAX_FILE_WORKLOADS, Problem, WorkloadName, WorkloadSpec, check_file_size};

use self::form::Form;

/// What the files say, ready to travel.
#[derive(Debug)]
pub struct Desired {
    /// The names, in the order of the files.
    pub names: Vec<WorkloadName>,
    /// The workloads as JSON, in the same order.
    pub documents: Vec<String>,
    /// The file of each.
    files: Vec<String>,
}

impl Desired {
    /// A coordinator's problem, which counts the workloads of all files, said of the one that is meant
    /// and of its file.
    pub fn place(&self, problem: Problem) -> Problem {
        let field = problem.field.clone().unwrap_or_default();
        let split = field.strip_prefix("workloads[").and_then(|rest| rest.split_once(']'));
        let Some((number, rest)) = split else { return problem };
        let at = number.parse::<usize>().ok();
        let Some((name, file)) = at.and_then(|at| self.names.get(at).zip(self.files.get(at)))
        else {
            return problem;
        };
        let message = format!("{file}: {name}: {}", problem.message);
        Problem { message, ..problem }.on(rest.trim_start_matches('.'))
    }
}

/// Reads all workloads of `paths`, checked as far as that goes without a fleet.
pub fn read(paths: &[PathBuf]) -> Result<Desired, Problem> {
    let mut seen = BTreeMap::new();
    let (mut names, mut documents, mut sources) = (Vec::new(), Vec::new(), Vec::new());
    for file in files::all(paths)? {
        let text = files::read(&file)?;
        for spec in parse(&text, &file.shown, Form::of(&file.path, &text))? {
            if let Some(other) = seen.insert(spec.name.clone(), file.shown.clone()) {
                return Err(twice(&spec.name, &other, &file.shown));
            }
            documents.push(serde_json::to_string(&spec).map_err(unwritable)?);
            names.push(spec.name);
            sources.push(file.shown.clone());
        }
    }
    if names.len() > MAX_FILE_WORKLOADS {
        let message = format!("{} workloads, more than {MAX_FILE_WORKLOADS}", names.len());
        return Err(Problem::field("file", message)
            .remedy("apply fewer at once: what is applied together is one commit"));
    }
    check_file_size(documents.iter().map(String::len).sum())?;
    Ok(Desired { names, documents, files: sources })
}

/// The workloads of one file.
fn parse(text: &str, shown: &str, form: Form) -> Result<Vec<WorkloadSpec>, Problem> {
    let mut all = Vec::new();
    for (line, part) in form.parts(text) {
        let specs = document::read(part, form).map_err(|wrong| wrong.of(shown, line))?;
        all.extend(specs);
    }
    match all.is_empty() {
        true => Err(Problem::field("file", format!("{shown} has no workload"))
            .remedy("write one: `tamerctl workload init` prints an example")),
        false => Ok(all),
    }
}

fn twice(name: &WorkloadName, one: &str, other: &str) -> Problem {
    let place = match one == other {
        true => format!("in {one} twice"),
        false => format!("in {one} and in {other}"),
    };
    Problem::field("name", format!("{name} is {place}")).remedy("keep one, or rename the other")
}

fn unwritable(error: serde_json::Error) -> Problem {
    Problem::new(Code::Internal, format!("a workload cannot be written: {error}"))
}

#[cfg(test)]
mod tests;
