//! A problem and a gRPC status: the one place where the two meet.

use prost::Message;
use tamer_model::{Code, Problem};
use tonic::Status;

use crate::wire;

/// The gRPC class of each code. Exhaustive on purpose: a new code must decide.
const fn class(code: Code) -> tonic::Code {
    use tonic::Code as Grpc;
    match code {
        Code::InvalidField
        | Code::SelectorInvalid
        | Code::LabelInvalid
        | Code::TokenMalformed
        | Code::CsrInvalid
        | Code::ConfigInvalid => Grpc::InvalidArgument,
        Code::SelectionEmpty | Code::WrongState | Code::VersionUnsupported | Code::Unsupported => {
            Grpc::FailedPrecondition
        }
        Code::TokenExpired
        | Code::TokenUsedUp
        | Code::TokenUnknown
        | Code::RoleNotAllowed
        | Code::PermissionDenied
        | Code::HostRevoked => Grpc::PermissionDenied,
        Code::Unauthenticated | Code::CertificateExpired | Code::CaMismatch => {
            Grpc::Unauthenticated
        }
        Code::Busy | Code::ResourceExhausted => Grpc::ResourceExhausted,
        Code::AlreadyExists => Grpc::AlreadyExists,
        Code::TimedOut => Grpc::DeadlineExceeded,
        Code::NotFound => Grpc::NotFound,
        Code::Ambiguous | Code::Conflict => Grpc::Aborted,
        Code::StoreFailed
        | Code::Unreachable
        | Code::AddressUnavailable
        | Code::ProviderUnavailable => Grpc::Unavailable,
        Code::DataFolder | Code::TechnologyFailed | Code::Internal => Grpc::Internal,
    }
}

impl From<Problem> for wire::Problem {
    fn from(problem: Problem) -> Self {
        let Problem { code, message, field, remedy } = problem;
        Self {
            code: code.as_str().to_owned(),
            message,
            field: field.unwrap_or_default(),
            remedy: remedy.unwrap_or_default(),
        }
    }
}

impl From<wire::Problem> for Problem {
    /// A code that this version does not know becomes the nearest it has; no problem is refused.
    fn from(problem: wire::Problem) -> Self {
        let wire::Problem { code, message, field, remedy } = problem;
        let some = |text: String| (!text.is_empty()).then_some(text);
        let code = code.parse().unwrap_or(Code::TechnologyFailed);
        Self { code, message, field: some(field), remedy: some(remedy) }
    }
}

/// The status that carries `problem`.
pub fn status_of(problem: Problem) -> Status {
    let Problem { code, message, field, remedy } = problem;
    let detail = wire::ErrorDetail {
        code: code.as_str().to_owned(),
        field: field.unwrap_or_default(),
        remedy: remedy.unwrap_or_default(),
    };
    Status::with_details(class(code), message, detail.encode_to_vec().into())
}

/// The problem that `status` carries, or the nearest one for a status that none of ours made.
pub fn problem_of(status: &Status) -> Problem {
    let told = wire::ErrorDetail::decode(status.details())
        .ok()
        .and_then(|detail| Some((detail.code.parse::<Code>().ok()?, detail)));
    if let Some((code, wire::ErrorDetail { field, remedy, code: _ })) = told {
        let some = |text: String| (!text.is_empty()).then_some(text);
        return Problem {
            code,
            message: status.message().to_owned(),
            field: some(field),
            remedy: some(remedy),
        };
    }
    use tonic::Code as Grpc;
    let code = match status.code() {
        Grpc::Unauthenticated => Code::Unauthenticated,
        Grpc::PermissionDenied => Code::RoleNotAllowed,
        Grpc::Unavailable | Grpc::Cancelled | Grpc::DeadlineExceeded | Grpc::Unknown => {
            Code::Unreachable
        }
        Grpc::ResourceExhausted => Code::Busy,
        Grpc::NotFound => Code::NotFound,
        Grpc::InvalidArgument | Grpc::OutOfRange => Code::InvalidField,
        Grpc::Unimplemented => Code::VersionUnsupported,
        Grpc::Ok
        | Grpc::AlreadyExists
        | Grpc::FailedPrecondition
        | Grpc::Aborted
        | Grpc::Internal
        | Grpc::DataLoss => Code::Internal,
    };
    Problem::new(code, status.message().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_survives_the_wire() {
        for code in Code::ALL {
            let problem = Problem::new(*code, "what").on("where").remedy("do");
            assert_eq!(problem_of(&status_of(problem.clone())), problem);
        }
    }
}
