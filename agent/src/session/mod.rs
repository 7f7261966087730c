//! One session with a coordinator: the conversation of one connection. `run` makes one after the
//! other; nothing here outlives the connection but what the tasks and the journal hold.

mod incoming;
mod outbox;
mod points;
mod talk;
#[cfg(test)]
mod tests;

use rustls::AlertDescription;
use tamer_model::{Code, Problem};

pub use incoming::{Incoming, Welcome, first};
pub use talk::{Session, talk};

/// How a session ended.
#[derive(Debug)]
pub enum End {
    /// The agent was asked to stop, and said goodbye.
    Stopped,
    /// The certificate was renewed: dial again to use it.
    Renewed,
    /// The host was removed from the fleet.
    Revoked(Problem),
    /// The certificate was refused, and why.
    Refused(Problem),
    /// The coordinator closed it or the connection was lost: dial again.
    Lost(Problem),
}

impl End {
    /// Reads a failure: an alert says more than what followed from it.
    fn of(problem: Problem, alert: Option<AlertDescription>) -> Self {
        match (alert, problem.code) {
            (Some(AlertDescription::CertificateRevoked), _) => Self::Revoked(
                Problem::new(Code::HostRevoked, "certificate refused: revoked").remedy(REJOIN),
            ),
            (None, Code::HostRevoked) => Self::Revoked(problem),
            (Some(AlertDescription::CertificateExpired), _) => Self::Refused(Problem::new(
                Code::CertificateExpired,
                "certificate refused: expired",
            )),
            (
                Some(
                    alert @ (AlertDescription::BadCertificate
                    | AlertDescription::UnknownCA
                    | AlertDescription::CertificateUnknown
                    | AlertDescription::AccessDenied
                    | AlertDescription::DecryptError
                    | AlertDescription::CertificateRequired),
                ),
                _,
            ) => Self::Refused(Problem::new(
                Code::Unauthenticated,
                format!("certificate refused: {alert:?}"),
            )),
            (_, Code::CertificateExpired | Code::Unauthenticated) => Self::Refused(problem),
            (_, _) => Self::Lost(problem),
        }
    }
}

/// What the owner of a host that was removed can do.
const REJOIN: &str = "the host was removed from the fleet; to join again, delete its data folder and use a new token";
