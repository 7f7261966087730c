//! With what is compared, on which hosts: the flags that every look at drift has.

use tamer_drift::finding::{Finding, Report};
use tamer_model::{Code, Problem};

use crate::api::{Api, DriftQuestion, Drifted};
use crate::cmd::pairs;

/// The most findings that an ambiguous beginning of an id is told to mean.
const NAMED: usize = 5;

/// The flags.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Compared {
    /// The baseline to compare with [default: the one named default]
    #[arg(long, value_name = "NAME")]
    baseline: Option<String>,
    /// A snapshot to compare with instead: its id, or a name that the newest has
    #[arg(long, value_name = "SNAPSHOT", conflicts_with = "baseline")]
    against: Option<String>,
    /// Only hosts that a selector means
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<String>,
}

impl Compared {
    /// The question for everything, what is set aside too.
    pub fn question(self) -> Result<DriftQuestion, Problem> {
        let Self { baseline, against, selector } = self;
        Ok(DriftQuestion {
            baseline: baseline.unwrap_or_default(),
            against: against.unwrap_or_default(),
            selector: pairs::selector(selector)?,
            acknowledged: true,
            ..DriftQuestion::default()
        })
    }
}

/// The whole report, and the finding in it with this id, or the only one whose id begins so.
pub async fn find(
    api: &mut Api,
    question: &DriftQuestion,
    id: &str,
) -> Result<(Drifted, Finding), Problem> {
    let drifted = api.drift(question).await?;
    let one = pick(&drifted.report, id)?.clone();
    Ok((drifted, one))
}

/// The finding in a report with this id, or the only one whose id begins so.
pub fn pick<'a>(report: &'a Report, id: &str) -> Result<&'a Finding, Problem> {
    let fits = |finding: &&Finding| !id.is_empty() && finding.id.to_string().starts_with(id);
    let found: Vec<&Finding> = report.findings.iter().filter(fits).collect();
    let problem = |code, message: String| Problem::new(code, message).on("finding");
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(problem(Code::NotFound, format!("there is no finding {id:?} now"))
            .remedy("`tamerctl drift` shows what there is; what is right again is found no more")),
        many => {
            let names: Vec<_> = many.iter().take(NAMED).map(|one| one.id.to_string()).collect();
            Err(problem(Code::Ambiguous, format!("{} findings begin with {id:?}", many.len()))
                .remedy(format!("name one of them: {}", names.join(", "))))
        }
    }
}
