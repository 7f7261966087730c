//! `tamerctl drift noise`: rules that the history suggests, and their adoption.

use tamer_drift::finding::Proposal;
use tamer_model::{Code, Problem, RuleName, Timestamp};

use super::rule::hides;
use crate::Session;
use crate::api::Api;
use crate::cmd::pairs;
use crate::errors::Failure;
use crate::output::{Line, Table, Tone, print, wrap};
use crate::view::escape;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// From the history since then: so long ago (2h, 7d), or a time [default: all that is kept]
    #[arg(long, value_name = "SPAN|TIME", value_parser = pairs::moment)]
    since: Option<Timestamp>,
    /// Make this proposal a rule, as it is; what it would have hidden is told first
    #[arg(long, value_name = "RULE")]
    adopt: Option<RuleName>,
    /// Do not ask
    #[arg(short, long, requires = "adopt")]
    yes: bool,
}

/// Runs it.
pub async fn run(Args { since, adopt, yes }: Args, session: &Session) -> Result<(), Failure> {
    let mut api = session.api().await?;
    let since = since.map(Timestamp::as_millis);
    let proposals = api.propose_noise(since).await?;
    if let Some(name) = adopt {
        return take(&name, &proposals, since, yes, &mut api, session).await;
    }
    if proposals.is_empty() && !session.for_scripts() {
        print::note("nothing flips and nothing is restless in the history that is kept");
        return Ok(());
    }
    session.show(&proposals, |_| lines(&proposals, print::columns()))
}

async fn take(
    name: &RuleName,
    proposals: &[Proposal],
    since: Option<u64>,
    yes: bool,
    api: &mut Api,
    session: &Session,
) -> Result<(), Failure> {
    let proposal = proposals.iter().find(|one| one.rule.name == *name).ok_or_else(|| {
        Problem::new(Code::NotFound, format!("no proposal is named {name}"))
            .on("adopt")
            .remedy("`tamerctl drift noise` shows what is proposed now")
    })?;
    let document = serde_json::to_string(&proposal.rule).map_err(|error| {
        Problem::new(Code::Internal, format!("the proposal cannot be written: {error}"))
    })?;
    let replay = api.replay_rule(document.clone(), since).await?;
    print::note(&escape::text(&replay.words));
    if !yes {
        if !print::can_ask() {
            return Err(Problem::field("yes", "nobody can be asked whether to adopt the rule")
                .remedy("to adopt it without a question: add --yes")
                .into());
        }
        if !print::confirm(&format!("Hide it from now on, by the rule {name}?")).await {
            print::note("nothing was changed");
            return Err(Failure::Targets);
        }
    }
    let rule = api.put_rule(document).await?;
    session.show(&rule, |_| {
        let text = format!("{name} hides {} from now on", escape::text(&hides(&rule.rule)));
        vec![Line::plain(text)]
    })
}

fn lines(proposals: &[Proposal], columns: Option<usize>) -> Vec<Line> {
    let mut table = Table::new(["RULE", "SURE", "HOSTS", "CHANGES", "FLIPS", "SEVERITY", "HIDES"]);
    for one in proposals {
        table.row([
            one.rule.name.to_string().into(),
            format!("{} %", one.confidence).into(),
            one.hosts.to_string().into(),
            one.changes.to_string().into(),
            one.flips.to_string().into(),
            super::table::severity(one.severity),
            hides(&one.rule).into(),
        ]);
    }
    let mut lines = table.lines_within(columns);
    lines.push(Line::default());
    for one in proposals {
        lines.extend(wrap(&format!("{}: ", one.rule.name), Tone::Plain, &one.words, columns));
    }
    lines.push(Line::default());
    lines.extend(wrap("", Tone::Dim, "To adopt one: `tamerctl drift noise --adopt RULE`", columns));
    lines
}

#[cfg(test)]
mod tests;
