//! Which instances are meant, as it is said on the command line.

use tamer_model::{
    Code, InstanceState, MAX_SELECTOR_BYTES, Problem, ProviderName, Selector as SelectorText,
};

use crate::api::Selection;

/// Which instances are meant: those that fit everything that is said.
#[derive(Debug, Default, clap::Args)]
#[group(skip)]
pub struct Args {
    /// Only these: an id, HOST/NAME, or a name that only one has
    #[arg(value_name = "INSTANCE")]
    named: Vec<String>,
    /// Only on the hosts that a selector means, as `os=linux,site in (berlin,paris)`
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    hosts: Option<String>,
    /// Only those that a selector over instances means: id, name, provider, state, kind, managed,
    /// image, and their labels
    #[arg(short = 'i', long, value_name = "SELECTOR")]
    instances: Option<String>,
    /// Only of these providers
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    provider: Vec<String>,
    /// Only those of this name; `*` stands for any text
    #[arg(long, value_name = "GLOB")]
    name: Option<String>,
    /// Only those in these states
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    state: Vec<String>,
}

/// The same where nothing said must not mean everything.
#[derive(Debug, Default, clap::Args)]
#[group(skip)]
pub struct Chosen {
    #[command(flatten)]
    args: Args,
    /// All instances of the fleet
    #[arg(long)]
    all: bool,
}

impl Args {
    /// What they mean, checked before it travels.
    pub fn selection(self) -> Result<Selection, Problem> {
        let Self { named, hosts, instances, provider, name, state } = self;
        // An empty text is refused, not taken for all: an unset variable in a script must not
        // act on everything.
        if named.iter().any(String::is_empty) {
            return Err(Problem::field("instance", "an instance's name is empty")
                .remedy("give an id, HOST/NAME, or a name that only one has"));
        }
        let hosts = hosts.map_or_else(|| Ok(String::new()), |text| checked("hosts", text))?;
        let instances = instances.map(|text| checked("instances", text)).transpose()?;
        for one in &provider {
            one.parse::<ProviderName>()?;
        }
        for one in &state {
            one.parse::<InstanceState>().map_err(|problem| problem.on("state"))?;
        }
        let terms = [
            instances,
            one_of("provider", &provider),
            name.map(|glob| name_term(&glob)).transpose()?,
            one_of("state", &state),
        ];
        let terms: Vec<String> = terms.into_iter().flatten().collect();
        let instances = match terms.join(",") {
            none if none.is_empty() => none,
            text => checked("instances", text)?,
        };
        Ok(Selection { hosts, instances, named })
    }
}

impl Chosen {
    /// What they mean; refused when it is everything and nobody said so.
    pub fn selection(self) -> Result<Selection, Problem> {
        let Self { args, all } = self;
        let selection = args.selection()?;
        match (selection.is_all(), all) {
            (true, false) => {
                Err(Problem::field("instance", "nothing says which instances are meant")
                    .remedy("name them, select them (see --help), or mean all of them with --all"))
            }
            (false, true) => {
                Err(Problem::field("all", "--all and a selection contradict each other")
                    .remedy("leave out one of them"))
            }
            (true, true) | (false, false) => Ok(selection),
        }
    }
}

fn checked(field: &str, text: String) -> Result<String, Problem> {
    if text.len() > MAX_SELECTOR_BYTES {
        let message = format!("the selection is longer than {MAX_SELECTOR_BYTES} bytes");
        return Err(Problem::new(Code::SelectorInvalid, message).on(field));
    }
    text.parse::<SelectorText>().map(|_| text).map_err(|problem| problem.on(field))
}

fn one_of(key: &str, values: &[String]) -> Option<String> {
    match values {
        [] => None,
        [one] => Some(format!("{key}={one}")),
        several => Some(format!("{key} in ({})", several.join(","))),
    }
}

/// A selector ends a value at a space and at its own signs, and has no way to quote them.
fn name_term(glob: &str) -> Result<String, Problem> {
    let sign = |c: char| c.is_whitespace() || matches!(c, ',' | '(' | ')' | '=' | '!');
    match glob.chars().find(|c| sign(*c)) {
        _ if glob.is_empty() => Err(Problem::field("name", "the name is empty")
            .remedy("give a name; `*` stands for any text")),
        Some(c) => Err(Problem::field("name", format!("--name cannot hold {c:?}"))
            .remedy("write `*` in its place, or name the instance itself: HOST/NAME")),
        None => Ok(format!("name={glob}")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        chosen: Chosen,
    }

    fn read(line: &[&str]) -> Result<Selection, Problem> {
        let line = Line::try_parse_from(std::iter::once("x").chain(line.iter().copied()));
        line.expect("arguments").chosen.selection()
    }

    #[track_caller]
    fn means(line: &[&str], hosts: &str, instances: &str, named: &[&str]) {
        let named = named.iter().map(|name| (*name).to_owned()).collect();
        let expected = Selection { hosts: hosts.into(), instances: instances.into(), named };
        assert_eq!(read(line), Ok(expected), "{line:?}");
    }

    #[test]
    fn what_is_said_becomes_one_selection() {
        means(&["web", "h/db"], "", "", &["web", "h/db"]);
        means(&["-l", "os=linux", "--state", "running"], "os=linux", "state=running", &[]);
        means(
            &["-i", "tier=a", "--provider", "docker,podman", "--name", "web-*", "--state=paused"],
            "",
            "tier=a,provider in (docker,podman),name=web-*,state=paused",
            &[],
        );
        means(&["--all"], "", "", &[]);
    }

    #[track_caller]
    fn refused(line: &[&str], field: &str) {
        let problem = read(line).expect_err("refused");
        assert_eq!(problem.field.as_deref(), Some(field), "{line:?}: {problem}");
        assert_eq!(crate::errors::exit_code(problem.code), 2, "{problem}");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        refused(&[], "instance");
        refused(&[""], "instance");
        refused(&["web", "--all"], "all");
        refused(&["-l", ""], "hosts");
        refused(&["-i", "a b"], "instances");
        refused(&["--state", "runing"], "state");
        refused(&["--provider", "Docker!"], "provider");
        for name in ["a b", "a,b", "x=(y)", ""] {
            refused(&["--name", name], "name");
        }
        let many = vec!["running"; 300].join(",");
        refused(&["--state", &many], "instances");
    }
}
