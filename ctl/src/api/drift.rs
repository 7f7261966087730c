//! The coordinator's `Drift` service: reports.

use tamer_drift::finding::{REPORT_VERSION, Report};
use tamer_model::{Code, Problem};
use tamer_proto::wire;

use super::{Api, answer};

/// How often a report is begun anew when its findings change while its pages are read.
const TRIES: u32 = 3;

/// What of the drift is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DriftQuestion {
    /// The baseline; empty: `default`.
    pub baseline: String,
    /// A snapshot instead of a baseline.
    pub against: String,
    /// Over hosts; empty: all.
    pub selector: String,
    /// A kind's word; empty: all.
    pub kind: String,
    /// This severity or a higher one; empty: all.
    pub severity: String,
    /// An id or its beginning; empty: all.
    pub finding: String,
    /// Also what is set aside.
    pub acknowledged: bool,
}

/// What is different from the baseline now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drifted {
    /// The report, with every finding that was asked for.
    pub report: Report,
    /// Whether everything was seen that is meant.
    pub observed: bool,
}

impl Drifted {
    /// Whether something that was asked for differs and nobody set it aside.
    pub fn is_drift(&self) -> bool {
        self.report.open().next().is_some()
    }
}

impl Api {
    /// What is different now, all pages of it.
    ///
    /// # Errors
    /// `Conflict` when the findings change faster than they can be read.
    pub async fn drift(&mut self, question: &DriftQuestion) -> Result<Drifted, Problem> {
        for _ in 0..TRIES {
            if let Some(drifted) = self.drift_once(question).await? {
                return Ok(drifted);
            }
        }
        Err(Problem::new(Code::Conflict, "the findings changed while they were read")
            .remedy("try again; with --severity or --selector there is less to read"))
    }

    /// `None` when a later page is of another set of findings than the first.
    async fn drift_once(&mut self, question: &DriftQuestion) -> Result<Option<Drifted>, Problem> {
        let first = self.drift_page(question, String::new()).await?;
        let (set, findings) = (first.set, first.findings);
        let mut all = Drifted { report: report(&first.document)?, observed: first.observed };
        let mut page_token = first.next_page_token;
        while !page_token.is_empty() {
            let page = self.drift_page(question, page_token).await?;
            if page.set != set || page.findings != findings {
                return Ok(None);
            }
            all.report.findings.extend(report(&page.document)?.findings);
            all.observed &= page.observed;
            page_token = page.next_page_token;
        }
        Ok(Some(all))
    }

    async fn drift_page(
        &mut self,
        question: &DriftQuestion,
        page_token: String,
    ) -> Result<wire::DriftReport, Problem> {
        let request = wire::GetDriftRequest { page_token, ..question.clone().into() };
        answer(self.drift.get_drift(request).await)
    }
}

impl From<DriftQuestion> for wire::GetDriftRequest {
    fn from(question: DriftQuestion) -> Self {
        let DriftQuestion { baseline, against, selector, kind, severity, finding, acknowledged } =
            question;
        Self {
            baseline,
            against,
            selector,
            kind,
            severity,
            finding,
            page_size: 0,
            page_token: String::new(),
            acknowledged,
        }
    }
}

/// Reads a report. One that cannot be read whole is none: what is missing of it would not be told.
fn report(document: &str) -> Result<Report, Problem> {
    let unread = |why: String| {
        Problem::new(Code::VersionUnsupported, format!("the report cannot be read: {why}"))
            .remedy("use a tamerctl of the coordinator's version: `tamerctl status` shows it")
    };
    let report: Report =
        serde_json::from_str(document).map_err(|error| unread(error.to_string()))?;
    match report.version {
        0..=REPORT_VERSION => Ok(report),
        newer => Err(unread(format!("it is of version {newer}, and {REPORT_VERSION} is known"))),
    }
}
