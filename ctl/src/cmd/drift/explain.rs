//! `tamerctl drift explain`.

use serde::Serialize;
use tamer_drift::finding::{Report, explain, explain_all, html};

use super::question::{Compared, find};
use super::report::harmless;
use crate::Session;
use crate::errors::Failure;
use crate::output::{Format, print};

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// One finding's id, or its beginning [default: all of them]
    finding: Option<String>,
    #[command(flatten)]
    compared: Compared,
}

/// The account, for scripts.
#[derive(Debug, Serialize)]
struct Account {
    /// In markdown.
    account: String,
}

/// Runs it.
pub async fn run(Args { finding, compared }: Args, session: &Session) -> Result<(), Failure> {
    let question = compared.question()?;
    let mut api = session.api().await?;
    let (report, account) = match finding {
        Some(id) => {
            let (drifted, finding) = find(&mut api, &question, &id).await?;
            let account = explain(&drifted.report, &finding);
            (Report { findings: vec![finding], ..drifted.report }, account)
        }
        None => {
            let report = api.drift(&question).await?.report;
            let account = explain_all(&report);
            (report, account)
        }
    };
    let text = match session.format() {
        Format::Html => html(&report),
        // A person reads markdown as it is.
        Format::Table | Format::Wide | Format::Markdown => harmless(&account),
        Format::Json | Format::Jsonl | Format::Yaml => {
            session.render(&Account { account }, |_| Vec::new())?
        }
    };
    Ok(print::text(&text)?)
}
