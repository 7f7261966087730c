//! Errors as a person reads them: chains, exit codes, and the one way a problem is printed.

use std::error::Error;
use std::fmt::Write;

use tamer_model::{Code, Problem};

/// An error and what caused it, on one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        // Some libraries repeat their cause in their own text.
        let said = source.to_string();
        if !text.ends_with(&said) {
            let _ = write!(text, ": {said}");
        }
        cause = source.source();
    }
    text
}

/// A problem as it is printed, with its code first so that scripts can find it.
pub fn print(problem: &Problem) -> String {
    let Problem { code, message, field, remedy } = problem;
    let field = field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default();
    let remedy = remedy.as_ref().map(|remedy| format!("\n  remedy: {remedy}")).unwrap_or_default();
    format!("error[{}]: {field}{message}{remedy}", code.as_str())
}

/// The exit code of the program for each problem: 1 failed, 2 usage, 3 cannot reach or not allowed.
pub const fn exit_code(code: Code) -> u8 {
    match code {
        Code::InvalidField
        | Code::SelectorInvalid
        | Code::LabelInvalid
        | Code::TokenMalformed
        | Code::ConfigInvalid => 2,
        Code::TokenExpired
        | Code::TokenUsedUp
        | Code::TokenUnknown
        | Code::CaMismatch
        | Code::CsrInvalid
        | Code::Unauthenticated
        | Code::RoleNotAllowed
        | Code::HostRevoked
        | Code::CertificateExpired
        | Code::PermissionDenied
        | Code::ProviderUnavailable
        | Code::Unreachable => 3,
        Code::SelectionEmpty
        | Code::Busy
        | Code::NotFound
        | Code::Ambiguous
        | Code::Conflict
        | Code::WrongState
        | Code::AlreadyExists
        | Code::Unsupported
        | Code::ResourceExhausted
        | Code::TimedOut
        | Code::TechnologyFailed
        | Code::VersionUnsupported
        | Code::StoreFailed
        | Code::DataFolder
        | Code::AddressUnavailable
        | Code::Internal => 1,
    }
}
