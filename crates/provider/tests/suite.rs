//! The suite finds what is wrong: each broken promise fails the check that is about it, and the
//! runner survives whatever a check does.

mod suite {
    mod runner;
    mod spoilt;
}

use std::sync::Arc;
use std::time::Duration;

use tamer_model::{InstanceName, InstanceSpec, NativeId};
use tamer_provider::conformance::{Program, Report, Subject, Verdict};
use tamer_provider::fake::{Fake, IMAGE};
use tamer_provider::{Provider, Result};

/// A subject of which some answers are wrong.
struct Odd {
    provider: Arc<dyn Provider>,
    patience: Duration,
    /// Made of this, what should be made of nothing is made.
    source: &'static str,
    never_ready: bool,
    panics: bool,
}

fn odd(provider: impl Provider) -> Odd {
    Odd {
        provider: Arc::new(provider),
        patience: Duration::from_secs(10),
        source: "fake/none:1",
        never_ready: false,
        panics: false,
    }
}

fn fake() -> Fake {
    Fake::new("fake".parse().expect("a name"))
}

fn spec(name: InstanceName, words: &[&str]) -> InstanceSpec {
    InstanceSpec {
        name: Some(name),
        image: Some(IMAGE.to_owned()),
        command: words.iter().map(|word| (*word).to_owned()).collect(),
        ..InstanceSpec::default()
    }
}

#[async_trait::async_trait]
impl Subject for Odd {
    fn provider(&self) -> Arc<dyn Provider> {
        self.provider.clone()
    }

    fn idle(&self, name: InstanceName) -> InstanceSpec {
        spec(name, &["idle"])
    }

    fn writer(&self, name: InstanceName, lines: u64) -> Option<InstanceSpec> {
        Some(spec(name, &["write", &lines.to_string()]))
    }

    fn sourceless(&self, name: InstanceName) -> InstanceSpec {
        InstanceSpec { image: Some(self.source.to_owned()), ..spec(name, &[]) }
    }

    fn argv(&self, program: &Program) -> Option<Vec<String>> {
        assert!(!self.panics, "this subject panics");
        let (word, rest) = match program {
            Program::Print(out, err) => ("print", vec![out.clone(), err.clone()]),
            Program::Exit(code) => ("exit", vec![code.to_string()]),
            Program::Flood(bytes) => ("flood", vec![bytes.to_string()]),
            Program::Count(lines) => ("count", vec![lines.to_string()]),
            Program::Sleep(seconds) => ("sleep", vec![seconds.to_string()]),
            Program::Burn => ("burn", Vec::new()),
            _ => return None,
        };
        Some([vec![word.to_owned()], rest].concat())
    }

    async fn ready(&self, _id: &NativeId) -> Result<()> {
        if self.never_ready {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    fn patience(&self) -> Duration {
        self.patience
    }
}

/// The names of the checks that failed.
fn failed(report: &Report) -> Vec<&'static str> {
    let failed = |verdict: &Verdict| matches!(verdict, Verdict::Failed(_));
    report.verdicts().filter(|(_, verdict)| failed(verdict)).map(|(name, _)| name).collect()
}

/// What came of one check.
fn verdict(report: &Report, name: &str) -> Verdict {
    let found = report.verdicts().find(|(check, _)| *check == name);
    found.unwrap_or_else(|| panic!("no {name} in {report}")).1.clone()
}
