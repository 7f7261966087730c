//! What every provider passes: one set of checks, for the real technology and for its fake.
//!
//! A provider's tests implement [`Subject`] and write one line:
//!
//! ```ignore
//! tamer_provider::conformance!(docker_conforms, Docker::start());
//! ```
//!
//! `Docker::start()` is a future of a [`Subject`], or of an `Option` of one: none where the
//! technology is not installed. That makes one test which starts the technology
//! once and runs every check against it, one after the other; real technologies start slowly. What
//! the technology can do is what [`Provider::probe`] tells: an operation told as possible must
//! work, and one told as not possible must be refused with [`crate::FaultKind::Unsupported`].
//!
//! Set `TAMER_CHECKS=exec,logs` to run only the checks with one of these texts in their name.

mod bench;
mod checkpoints;
mod events;
mod exec;
mod images;
mod lifecycle;
mod logs;
mod naming;
mod outage;
mod probing;
mod program;
mod races;
mod refusing;
mod run;
mod scanning;
mod stats;
mod terminal;

use std::sync::Arc;
use std::time::Duration;

use tamer_model::{InstanceName, InstanceSpec, InstanceState, NativeId};

use crate::{Provider, Result};

pub use program::Program;
pub use run::{Filter, Report, Verdict, run};

/// What the suite needs to know of the technology under test. Everything it starts it stops when
/// it is dropped, also after a failure.
#[async_trait::async_trait]
pub trait Subject: Send + Sync {
    /// The provider under test, always the same object.
    fn provider(&self) -> Arc<dyn Provider>;

    /// An instance of this name that runs until it is stopped, writes nothing, and ends soon when
    /// it is asked to politely. Its image, disk or template is on the host already.
    fn idle(&self, name: InstanceName) -> InstanceSpec;

    /// One that does not end when it is asked politely. None where that cannot be had.
    fn stubborn(&self, _name: InstanceName) -> Option<InstanceSpec> {
        None
    }

    /// One that writes `line 1` to `line N`, a line each, to its log, then waits until it is
    /// stopped. None where that cannot be had.
    fn writer(&self, _name: InstanceName, _lines: u64) -> Option<InstanceSpec> {
        None
    }

    /// One that writes `tick 1`, `tick 2` and so on to its log, about ten a second, until it is
    /// stopped. None where that cannot be had.
    fn ticker(&self, _name: InstanceName) -> Option<InstanceSpec> {
        None
    }

    /// One that is made of something that is not there and cannot be fetched.
    fn sourceless(&self, name: InstanceName) -> InstanceSpec;

    /// How a program of the suite is run in these instances. None where that cannot be had.
    fn argv(&self, program: &Program) -> Option<Vec<String>> {
        Some(program.in_shell())
    }

    /// A file in an instance which its checkpoints save. Its folder is there.
    fn kept_file(&self) -> String {
        "/kept".to_owned()
    }

    /// Waits until an instance that was just started hears a polite stop and takes commands.
    /// Containers do at once; machines boot first.
    async fn ready(&self, _id: &NativeId) -> Result<()> {
        Ok(())
    }

    /// How long one change of state may take: about 30 s for containers, 120 s for machines.
    fn patience(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// The state of an instance that was made and never started. Give `Stopped` where the
    /// technology does not tell the two apart.
    fn made(&self) -> InstanceState {
        InstanceState::Creating
    }

    /// Whether labels given at creation come back.
    fn keeps_labels(&self) -> bool {
        true
    }

    /// Whether an instance's memory is counted, so that its stats must have it.
    fn counts_memory(&self) -> bool {
        true
    }

    /// Bytes that a command writes in the check of huge output. Less where commands do not stream.
    fn flood_bytes(&self) -> u64 {
        64 << 20
    }

    /// Bytes that a command reads in the check of its input.
    fn input_bytes(&self) -> usize {
        1 << 20
    }

    /// Lines in the check of a huge log.
    fn log_lines(&self) -> u64 {
        50_000
    }

    /// Whether a log holds nothing but what the instance's own program writes. False for a console,
    /// on which a kernel writes too.
    fn pure_logs(&self) -> bool {
        true
    }

    /// Ends the technology with no time to say good-bye. False where that cannot be had; nothing
    /// was done then.
    async fn kill_technology(&self) -> bool {
        false
    }

    /// Starts the technology again at the same place, and returns when it answers.
    async fn bring_back(&self) {}
}

/// A subject, or none where the technology is not installed.
pub trait Offered {
    /// The subject.
    type Subject: Subject;

    /// The subject, if it can be had.
    fn offered(self) -> Option<Self::Subject>;
}

impl<S: Subject> Offered for S {
    type Subject = S;

    fn offered(self) -> Option<S> {
        Some(self)
    }
}

impl<S: Subject> Offered for Option<S> {
    type Subject = S;

    fn offered(self) -> Option<S> {
        self
    }
}

/// Runs the checks that `wanted` names (see [`Filter::new`]), stops the technology, and panics with
/// the whole report when one fails. Says so when the technology is not there.
pub async fn assert_conforms(subject: impl Offered, wanted: &str) {
    let Some(subject) = subject.offered() else {
        run::say("skip everything: the technology is not installed");
        return;
    };
    let report = run(&subject, &Filter::new(wanted)).await;
    drop(subject);
    assert!(report.passed(), "\n{report}");
}

/// Makes one test of the whole suite: its name, and a future of the [`Subject`], or of none where
/// the technology is not installed.
#[macro_export]
macro_rules! conformance {
    ($name:ident, $subject:expr) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let wanted = std::env::var("TAMER_CHECKS").unwrap_or_default();
            $crate::conformance::assert_conforms($subject.await, &wanted).await;
        }
    };
}
