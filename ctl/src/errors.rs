//! From a failure to one error text and one exit code. `main` calls this and nobody else prints an
//! error.

use std::error::Error;
use std::ffi::OsString;
use std::io;

use serde::Serialize;
use tamer_model::{Code, Problem};
use tamer_proto::problem_of;
use tonic::Status;

use crate::output::{Format, Tone, print};

/// Why a subcommand did not end well.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A problem that is still to be told.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// The operation failed on some target, and the output said on which.
    #[error("failed on some target")]
    Targets,
    /// Every target succeeded but those that could not be reached, and the output said which.
    #[error("some target could not be reached")]
    Unreached,
    /// A command that was run for the user ended with this code, which is ours too. It was told
    /// by the command itself, as far as it wanted to.
    #[error("the command ended with {0}")]
    Command(u8),
    /// A plan would change something, and the output said what.
    #[error("it would change something")]
    WouldChange,
    /// A plan could not be made: told as any other problem, with an exit code that does not say
    /// that something would change.
    #[error(transparent)]
    NoPlan(Problem),
    /// Something is not what the baseline says, and the output said what.
    #[error("there is drift")]
    Drift,
    /// Whether there is drift is not known: told as any other problem, with an exit code that says
    /// neither that there is some nor that there is none.
    #[error(transparent)]
    Unjudged(Problem),
    /// The reader of our output went away, as `head` does. Nothing is wrong.
    #[error("the reader of the output went away")]
    BrokenPipe,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::BrokenPipe,
            _ => Self::Problem(Problem::new(Code::Internal, error.to_string())),
        }
    }
}

/// The exit code of each code. Exhaustive on purpose: a new code must decide.
pub const fn exit_code(code: Code) -> u8 {
    match code {
        Code::NotFound
        | Code::Ambiguous
        | Code::Conflict
        | Code::WrongState
        | Code::StoreFailed
        | Code::DataFolder
        | Code::AddressUnavailable
        | Code::AlreadyExists
        | Code::ProviderUnavailable
        | Code::Unsupported
        | Code::ResourceExhausted
        | Code::PermissionDenied
        | Code::TimedOut
        | Code::TechnologyFailed
        | Code::Internal => 1,
        Code::InvalidField
        | Code::SelectorInvalid
        | Code::SelectionEmpty
        | Code::LabelInvalid
        | Code::TokenMalformed
        | Code::CsrInvalid
        | Code::ConfigInvalid => 2,
        Code::TokenExpired
        | Code::TokenUsedUp
        | Code::TokenUnknown
        | Code::CaMismatch
        | Code::Unauthenticated
        | Code::RoleNotAllowed
        | Code::HostRevoked
        | Code::CertificateExpired
        | Code::Busy
        | Code::VersionUnsupported
        | Code::Unreachable => 3,
    }
}

/// Whether asking again later may help.
pub const fn is_transient(code: Code) -> bool {
    matches!(code, Code::Unreachable | Code::Busy | Code::StoreFailed)
}

/// The problem behind a refused call. A refusal of the TLS layer arrives as an unavailable server
/// with the cause in its chain.
pub fn of_status(status: Status) -> Problem {
    let problem = problem_of(&status);
    if problem.code != Code::Unreachable {
        return problem;
    }
    match tls_error(&status) {
        Some(error) => of_tls(error),
        None => {
            let text = if problem.message.is_empty() { "no reason told" } else { &problem.message };
            Problem::new(Code::Unreachable, format!("the coordinator did not answer: {text}"))
                .remedy("check with `tamerctl status` that it runs, then try again")
        }
    }
}

/// What a failed handshake means.
pub fn of_tls(error: &rustls::Error) -> Problem {
    use rustls::{AlertDescription as Alert, CertificateError as Bad, Error as Tls};
    let ask = "ask an administrator of the fleet for a new context file, and import it";
    match error {
        Tls::AlertReceived(Alert::CertificateExpired) => {
            Problem::new(Code::CertificateExpired, "your certificate has expired").remedy(ask)
        }
        Tls::AlertReceived(Alert::CertificateRevoked | Alert::AccessDenied) => {
            Problem::new(Code::RoleNotAllowed, "your certificate was revoked").remedy(ask)
        }
        Tls::AlertReceived(
            Alert::UnknownCA
            | Alert::BadCertificate
            | Alert::CertificateUnknown
            | Alert::DecryptError
            | Alert::CertificateRequired,
        ) => Problem::new(Code::Unauthenticated, "the coordinator does not accept your certificate")
            .remedy(ask),
        Tls::InvalidCertificate(Bad::Expired | Bad::ExpiredContext { .. }) => {
            Problem::new(Code::CertificateExpired, "the coordinator's certificate has expired")
                .remedy("restart the coordinator; if that does not help, compare the clocks")
        }
        Tls::InvalidCertificate(_) => {
            Problem::new(Code::CaMismatch, "what answers is not the coordinator of this fleet")
                .remedy("import the context file that this coordinator wrote, or use another context (`tamerctl context ls`)")
        }
        other => Problem::new(Code::Unreachable, format!("no secure connection: {other}")),
    }
}

/// Finds the TLS layer's error in a chain.
pub fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        // An `io::Error` hides the error that it was made of from its own chain.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// Prints a failure, once, and returns the exit code.
pub fn tell(failure: &Failure, format: Format) -> u8 {
    match failure {
        Failure::Problem(problem) => {
            print::error(&text_of(problem, format));
            exit_code(problem.code)
        }
        Failure::NoPlan(problem) => {
            print::error(&text_of(problem, format));
            1
        }
        Failure::Unjudged(problem) => {
            print::error(&text_of(problem, format));
            2
        }
        Failure::WouldChange => 2,
        Failure::Drift => 1,
        Failure::Targets => 1,
        Failure::Unreached => 3,
        Failure::Command(code) => *code,
        Failure::BrokenPipe => 0,
    }
}

/// Prints what clap has to say: help and version are answers, everything else is a usage error.
pub fn tell_usage(error: &clap::Error, arguments: &[OsString]) -> u8 {
    if !error.use_stderr() || !asks_for_json(arguments) {
        // A closed pipe is the reader's choice; there is nobody left to tell.
        let _ = error.print();
        return if error.use_stderr() { usage_code(arguments) } else { 0 };
    }
    let text = error.to_string();
    // The first paragraph is the error; the usage follows.
    let lines = text.lines().map(str::trim).take_while(|line| !line.is_empty());
    let message = lines.collect::<Vec<_>>().join(" ");
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    let problem = Problem::new(Code::InvalidField, message).remedy("see `tamerctl --help`");
    print::error(&text_of(&problem, Format::Json));
    usage_code(arguments)
}

/// The exit code of bad usage: a script that plans takes 2 for something that would change.
fn usage_code(arguments: &[OsString]) -> u8 {
    let plans = arguments.windows(2).any(|pair| pair[0] == "workload" && pair[1] == "plan");
    if plans { 1 } else { 2 }
}

/// The arguments could not be read, so they are searched.
fn asks_for_json(arguments: &[OsString]) -> bool {
    let own: Vec<_> = arguments
        .iter()
        .map_while(|argument| (argument != "--").then(|| argument.to_string_lossy()))
        .collect();
    let json = |word: &str| matches!(word, "json" | "jsonl");
    own.windows(2).any(|pair| matches!(&*pair[0], "-o" | "--output") && json(&pair[1]))
        || own.iter().any(|one| {
            let said = ["-o=", "-o", "--output="].iter().find_map(|flag| one.strip_prefix(flag));
            said.is_some_and(json)
        })
}

/// The text of an error as `format` prints it, without the final newline.
pub fn text_of(problem: &Problem, format: Format) -> String {
    let Problem { code, message, field, remedy } = problem;
    match format {
        Format::Json | Format::Jsonl => {
            let told = Told { error: ToldProblem { code: *code, message, field, remedy } };
            serde_json::to_string(&told).unwrap_or_else(|_| format!("error: {message}"))
        }
        Format::Table | Format::Wide | Format::Yaml | Format::Markdown | Format::Html => {
            let clean = crate::view::escape::text;
            let mut text = format!("{} {}", Tone::Bad.paint("error:"), clean(message));
            for (word, value) in [("field", field), ("remedy", remedy)] {
                if let Some(value) = value {
                    text.push_str(&format!("\n  {word}: {}", clean(value)));
                }
            }
            text.push_str(&format!("\n{}", Tone::Dim.paint(&format!("[{}]", code.as_str()))));
            text
        }
    }
}

#[derive(Serialize)]
struct Told<'a> {
    error: ToldProblem<'a>,
}

#[derive(Serialize)]
struct ToldProblem<'a> {
    code: Code,
    message: &'a str,
    field: &'a Option<String>,
    remedy: &'a Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_for_a_person_and_for_a_script() {
        let problem =
            Problem::field("selector", "`=` is missing\u{1b}[2J").remedy("write key=value");
        let person = anstream::adapter::strip_str(&text_of(&problem, Format::Table)).to_string();
        insta::assert_snapshot!(person, @r"
        error: `=` is missing\x1b[2J
          field: selector
          remedy: write key=value
        [invalid-field]
        ");
        insta::assert_snapshot!(
            text_of(&Problem::new(Code::Unreachable, "gone"), Format::Json),
            @r#"{"error":{"code":"unreachable","message":"gone","field":null,"remedy":null}}"#
        );
    }

    #[test]
    fn a_tls_error_is_found_under_its_wrappers() {
        let inner = io::Error::new(io::ErrorKind::InvalidData, rustls::Error::HandshakeNotComplete);
        let outer = io::Error::other(inner);
        assert_eq!(tls_error(&outer), Some(&rustls::Error::HandshakeNotComplete));
    }
}
