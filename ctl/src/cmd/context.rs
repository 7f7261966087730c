//! `tamerctl context`: the fleets that this machine knows.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::Session;
use crate::connect;
use crate::context::{self, Context, Folder, Known};
use crate::errors::Failure;
use crate::output::{Cell, Line, Table, Tone, pairs, print};

/// What can be done with contexts.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List the fleets that this machine knows
    Ls,
    /// Make a fleet the one that commands are about
    Use {
        /// Its name
        name: String,
    },
    /// Remember the context file that a coordinator wrote, and use it
    Import {
        /// The file
        file: PathBuf,
        /// What to call it [default: the name in the file]
        #[arg(long)]
        name: Option<String>,
    },
    /// Show a context, without its key
    Show {
        /// Its name [default: the one in use]
        name: Option<String>,
    },
}

/// A context without its secrets.
#[derive(Debug, Serialize)]
struct Shown {
    name: String,
    current: bool,
    fleet: Option<String>,
    user: Option<String>,
    addresses: Vec<String>,
    problem: Option<String>,
}

/// Runs one.
pub fn run(verb: Verb, session: &Session) -> Result<(), Failure> {
    match verb {
        Verb::Ls => list(session),
        Verb::Use { name } => {
            let context = Folder::of_user()?.choose(&name)?;
            told(session, Shown::of(name, true, context), "in use")
        }
        Verb::Import { file, name } => import(&file, name, session),
        Verb::Show { name } => {
            let context = context::open(name.as_deref().or(session.context_name()))?;
            let current = Folder::of_user()?.current()?;
            let name = name.unwrap_or_else(|| context.name.clone());
            let current = current.as_deref() == Some(name.as_str());
            let shown = Shown::of(name, current, context);
            session.show(&shown, |_| shown.lines())
        }
    }
}

fn list(session: &Session) -> Result<(), Failure> {
    let known = Folder::of_user()?.list()?;
    if known.is_empty() && !session.for_scripts() {
        print::note(
            "no fleet is known here; start one with `tamerctl dev`, or import a context file: `tamerctl context import FILE`",
        );
        return Ok(());
    }
    let shown: Vec<_> = known.into_iter().map(Shown::from).collect();
    session.show(&shown, |_| table(&shown))
}

fn table(shown: &[Shown]) -> Vec<Line> {
    let mut table = Table::new(["", "NAME", "FLEET", "USER", "ADDRESSES"]);
    for one in shown {
        let mark = if one.current { "*" } else { " " };
        table.row([
            Cell::from(mark),
            one.name.as_str().into(),
            one.fleet.as_deref().unwrap_or("(unreadable)").into(),
            one.user.as_deref().unwrap_or_default().into(),
            one.addresses.join(",").into(),
        ]);
    }
    table.lines()
}

/// What cannot be used is refused before it is remembered.
fn import(file: &Path, name: Option<String>, session: &Session) -> Result<(), Failure> {
    let mut context = context::read(file)?;
    connect::check(&context)?;
    context.name = name.unwrap_or(context.name);
    Folder::of_user()?.import(&context, false)?;
    told(session, Shown::of(context.name.clone(), true, context), "imported, and in use")
}

fn told(session: &Session, shown: Shown, what: &str) -> Result<(), Failure> {
    session.show(&shown, |_| {
        vec![Line::new(Tone::Strong, &shown.name).and(Tone::Plain, format!(": {what}"))]
    })
}

impl Shown {
    fn of(name: String, current: bool, context: Context) -> Self {
        let Context { fleet, user, addresses, .. } = context;
        Self { name, current, fleet: Some(fleet), user: Some(user), addresses, problem: None }
    }

    fn lines(&self) -> Vec<Line> {
        let text = |value: &Option<String>| Cell::from(value.clone().unwrap_or_default());
        pairs([
            ("Name", self.name.as_str().into()),
            ("In use", if self.current { "yes" } else { "no" }.into()),
            ("Fleet", text(&self.fleet)),
            ("User", text(&self.user)),
            ("Addresses", self.addresses.join(", ").into()),
        ])
    }
}

impl From<Known> for Shown {
    fn from(Known { name, current, context }: Known) -> Self {
        match context {
            Ok(context) => Self::of(name, current, context),
            Err(problem) => Self {
                name,
                current,
                fleet: None,
                user: None,
                addresses: Vec::new(),
                problem: Some(problem.message),
            },
        }
    }
}
