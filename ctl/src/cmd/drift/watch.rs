//! `tamerctl drift watch`: told when the *set* of findings is another one, not that there are some.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use tamer_drift::Kind;
use tamer_drift::finding::Severity;
use tamer_model::{Code, Problem};
use tokio::time::sleep;

use super::question::Compared;
use crate::Session;
use crate::api::{Api, DriftQuestion};
use crate::contract::DriftAlarm;
use crate::errors::{Failure, is_transient};
use crate::follow::Retry;
use crate::output::{Line, Tone, human, print};

/// An alarm that names so many findings may not name all of them: it is told as it came.
const NAMED: usize = 1000;
/// The columns that ids may take on a line.
const IDS: usize = 120;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    compared: Compared,
    /// Only findings about this kind of thing
    #[arg(long, value_name = "KIND", value_parser = str::parse::<Kind>)]
    kind: Option<Kind>,
    /// Only findings of this severity or a higher one
    #[arg(long, value_name = "SEVERITY", value_parser = str::parse::<Severity>)]
    severity: Option<Severity>,
}

/// What was told so far.
#[derive(Debug, Default)]
struct Told {
    set: Option<(String, bool)>,
    findings: BTreeSet<String>,
}

/// Runs it until it is interrupted; goes on after a lost connection with what is new since.
pub async fn run(args: Args, session: &Session) -> Result<(), Failure> {
    let Args { compared, kind, severity } = args;
    let question = DriftQuestion {
        kind: kind.map(|kind| kind.to_string()).unwrap_or_default(),
        severity: severity.map(|severity| severity.to_string()).unwrap_or_default(),
        acknowledged: false,
        ..compared.question()?
    };
    let mut api = session.api().await?;
    let mut told = Told::default();
    let mut lost: Option<Retry> = None;
    loop {
        let problem = match listen(&mut api, &question, &mut told, &mut lost, session).await {
            Ok(()) => Problem::new(Code::Unreachable, "the coordinator went away"),
            Err(Failure::Problem(problem)) if is_transient(problem.code) => problem,
            Err(other) => return Err(other),
        };
        if lost.is_none() {
            print::note("lost the coordinator; trying again …");
        }
        let Some(pause) = lost.get_or_insert_default().pause() else { return Err(problem.into()) };
        sleep(pause).await;
        // Until it works the old connection says why it does not.
        if let Ok(fresh) = session.api().await {
            api = fresh;
        }
    }
}

async fn listen(
    api: &mut Api,
    question: &DriftQuestion,
    told: &mut Told,
    lost: &mut Option<Retry>,
    session: &Session,
) -> Result<(), Failure> {
    let mut alarms = api.watch_drift(question.clone()).await?;
    let mut first = true;
    while let Some(alarm) = alarms.next().await {
        let alarm = alarm?;
        *lost = None;
        if let Some(alarm) = told.take(alarm, first) {
            session.show_one(&alarm, |_| vec![line(&alarm)])?;
        }
        first = false;
    }
    Ok(())
}

impl Told {
    /// What is to be told of an alarm. The first of a connection tells all there is as new, so that
    /// of a later connection is compared with what was told before.
    fn take(&mut self, mut alarm: DriftAlarm, first: bool) -> Option<DriftAlarm> {
        let set = (alarm.set.clone(), alarm.observed);
        let again = self.set.as_ref() == Some(&set);
        if first && self.set.is_some() && alarm.new.len() < NAMED {
            let now: BTreeSet<String> = std::mem::take(&mut alarm.new).into_iter().collect();
            alarm.new = now.difference(&self.findings).cloned().collect();
            alarm.gone = self.findings.difference(&now).cloned().collect();
            alarm.same =
                u32::try_from(now.intersection(&self.findings).count()).unwrap_or(u32::MAX);
        }
        self.set = Some(set);
        self.findings.extend(alarm.new.iter().cloned());
        self.findings.retain(|finding| !alarm.gone.contains(finding));
        (!again).then_some(alarm)
    }
}

fn line(alarm: &DriftAlarm) -> Line {
    let DriftAlarm { at, set: _, new, gone, same, observed } = alarm;
    let mut line = Line::new(Tone::Dim, at.to_string());
    let ids = |ids: &[String]| human::names(ids, IDS);
    if !new.is_empty() {
        line = line.and(Tone::Bad, format!("  {} new: {}", new.len(), ids(new)));
    }
    if !gone.is_empty() {
        line = line.and(Tone::Good, format!("  {} gone: {}", gone.len(), ids(gone)));
    }
    line = line.and(Tone::Plain, format!("  {same} as before"));
    match observed {
        true => line,
        false => line.and(Tone::Busy, "  not everything was seen"),
    }
}

#[cfg(test)]
mod tests;
