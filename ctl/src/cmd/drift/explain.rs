//! `tamerctl drift explain`.

mod ask;
mod settings;

use serde::Serialize;
use tamer_drift::finding::{Report, explain, explain_all, html, prompt};
use tamer_model::Problem;

use super::question::{Compared, find};
use super::report::harmless;
use crate::Session;
use crate::errors::Failure;
use crate::output::{Format, print};
use crate::view::escape;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// One finding's id, or its beginning [default: all of them]
    finding: Option<String>,
    /// Have a language model tell it in other words too: the one of [explain] in the context's
    /// file, or of TAMER_EXPLAIN_ENDPOINT, _MODEL and _KEY_FILE. It is sent no names of hosts or
    /// accounts, no settings, no contents and nothing secret
    #[arg(long)]
    rewrite: bool,
    #[command(flatten)]
    compared: Compared,
}

/// The account, for scripts.
#[derive(Debug, Serialize)]
struct Account {
    /// In markdown.
    account: String,
    /// In other words; null when nobody was asked, or nobody answered.
    rewritten: Option<Rewritten>,
}

/// What a language model made of a report. Nothing follows from it.
#[derive(Debug, Serialize)]
struct Rewritten {
    /// As it is called where it was asked.
    model: String,
    /// Where it was asked.
    endpoint: String,
    /// As it came.
    text: String,
}

/// Runs it. The account stands whatever becomes of the rewriting.
pub async fn run(args: Args, session: &Session) -> Result<(), Failure> {
    let Args { finding, rewrite, compared } = args;
    if rewrite && session.format() == Format::Html {
        return Err(Problem::field("rewrite", "a page holds what is known, and no rewriting")
            .remedy("leave out --rewrite, or -o html")
            .into());
    }
    let question = compared.question()?;
    let mut api = session.api().await?;
    let (report, account, prompt) = match finding {
        Some(id) => {
            let (drifted, finding) = find(&mut api, &question, &id).await?;
            let account = explain(&drifted.report, &finding);
            let prompt = prompt(&drifted.report, Some(&finding));
            (Report { findings: vec![finding], ..drifted.report }, account, prompt)
        }
        None => {
            let report = api.drift(&question).await?.report;
            let (account, prompt) = (explain_all(&report), prompt(&report, None));
            (report, account, prompt)
        }
    };
    match session.format() {
        Format::Html => Ok(print::text(&html(&report))?),
        // A person reads markdown as it is.
        Format::Table | Format::Wide | Format::Markdown => {
            print::text(&harmless(&account))?;
            let rewritten = if rewrite { rewritten(&prompt, session).await } else { None };
            Ok(rewritten.map_or(Ok(()), |one| print::text(&told(&one)))?)
        }
        Format::Json | Format::Jsonl | Format::Yaml => {
            let rewritten = if rewrite { rewritten(&prompt, session).await } else { None };
            session.show(&Account { account, rewritten }, |_| Vec::new())
        }
    }
}

/// What a language model makes of it. That there is nothing is said on one line, and is no failure.
async fn rewritten(prompt: &str, session: &Session) -> Option<Rewritten> {
    let tell = |why: &str, remedy: Option<&str>| {
        let remedy = remedy.map(|remedy| format!(" ({remedy})")).unwrap_or_default();
        print::note(&escape::text(&format!("the account was not rewritten: {why}{remedy}")));
    };
    let settings = match settings::read(session) {
        Ok(settings) => settings,
        Err(Failure::Problem(problem)) => {
            tell(&problem.message, problem.remedy.as_deref());
            return None;
        }
        Err(other) => {
            tell(&other.to_string(), None);
            return None;
        }
    };
    let endpoint = settings.endpoint.host_str().unwrap_or_default().to_owned();
    match ask::ask(&settings, prompt).await {
        Ok(text) => Some(Rewritten { model: settings.model, endpoint, text }),
        Err(problem) => {
            tell(&format!("{} at {endpoint}: {}", settings.model, problem.message), None);
            None
        }
    }
}

fn told(Rewritten { model, endpoint, text }: &Rewritten) -> String {
    harmless(&format!(
        "\n# As a language model tells it\n\nWritten by {model} at {endpoint} from the findings, and \
         checked by nobody: what stands is the account above.\n\n{}\n",
        text.trim()
    ))
}
