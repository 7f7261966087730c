//! When a transfer that failed is tried again.

use std::time::Duration;

use tamer_model::{Code, Problem};
use tamer_proto::problem_of;
use tonic::Status;

use super::link::Up;
use crate::work::{Failure, Halt};

/// Attempts in a row that move nothing on a connection that is up; then the problem is the end.
const ATTEMPTS: u32 = 8;
/// The first pause before another attempt, which doubles, and the longest one. Together they are
/// 25 seconds.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(6));

/// Counts what failed in a row. Waiting for a connection is no failure: a coordinator may be away
/// for as long as it takes, and only the task's own time ends that.
#[derive(Debug, Default)]
pub struct Patience {
    failed: u32,
    /// How far it was at the last failure, in bytes.
    at: u64,
}

/// Why an attempt at a transfer ended before the transfer did.
#[derive(Debug)]
pub enum Attempt {
    /// Another one may fare better.
    Again(Problem),
    /// Another one would meet with the same, or is not wanted.
    Over(Failure),
}

impl Attempt {
    /// The other side did not answer, or broke off.
    pub fn silent(what: &str) -> Self {
        Self::Again(Problem::new(Code::Unreachable, format!("the coordinator {what}")))
    }
}

impl From<Status> for Attempt {
    fn from(status: Status) -> Self {
        let problem = problem_of(&status);
        if is_final(&problem) { Self::Over(problem.into()) } else { Self::Again(problem) }
    }
}

impl From<Failure> for Attempt {
    fn from(failure: Failure) -> Self {
        Self::Over(failure)
    }
}

impl From<Problem> for Attempt {
    /// A problem of this host.
    fn from(problem: Problem) -> Self {
        Self::Over(problem.into())
    }
}

impl Patience {
    /// Waits before another attempt after one that ended so when `at` bytes were there; or says
    /// that there is none.
    pub async fn wait(
        &mut self,
        attempt: Attempt,
        at: u64,
        up: &Up,
        halt: &mut Halt,
    ) -> Result<(), Failure> {
        let problem = match attempt {
            Attempt::Again(problem) => problem,
            Attempt::Over(failure) => return Err(failure),
        };
        let moved = std::mem::replace(&mut self.at, at) < at;
        self.failed = if moved { 1 } else { self.failed + 1 };
        let pause = (PAUSE.0 * 2u32.saturating_pow(self.failed - 1)).min(PAUSE.1);
        let lost = async {
            tokio::select! {
                () = up.lost() => true,
                () = tokio::time::sleep(pause) => false,
            }
        };
        if halt.or(lost).await? {
            // The connection was the matter; the next one has not failed yet.
            self.failed = 0;
        } else if self.failed >= ATTEMPTS {
            return Err(problem.into());
        }
        tracing::debug!(%problem, at, "a transfer goes on");
        Ok(())
    }
}

/// Whether another attempt would meet with the same.
fn is_final(problem: &Problem) -> bool {
    match problem.code {
        Code::Busy
        | Code::StoreFailed
        | Code::Unreachable
        | Code::ProviderUnavailable
        | Code::TimedOut
        | Code::TechnologyFailed
        | Code::Internal
        | Code::AddressUnavailable => false,
        Code::InvalidField
        | Code::SelectorInvalid
        | Code::SelectionEmpty
        | Code::LabelInvalid
        | Code::TokenMalformed
        | Code::TokenExpired
        | Code::TokenUsedUp
        | Code::TokenUnknown
        | Code::CaMismatch
        | Code::CsrInvalid
        | Code::Unauthenticated
        | Code::RoleNotAllowed
        | Code::HostRevoked
        | Code::CertificateExpired
        | Code::NotFound
        | Code::Ambiguous
        | Code::Conflict
        | Code::WrongState
        | Code::VersionUnsupported
        | Code::ConfigInvalid
        | Code::DataFolder
        | Code::AlreadyExists
        | Code::Unsupported
        | Code::ResourceExhausted
        | Code::PermissionDenied => true,
    }
}
