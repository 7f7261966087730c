//! From what libvirt says to what the contract says.

use std::io;

use tamer_provider::{Fault, FaultKind};

use crate::rpc::{RpcError, code};

/// What the reader does when there is no daemon.
const START_IT: &str = "install libvirt-daemon-system and start it: systemctl start libvirtd";
const LET_IN: &str = "run the agent as root, or add its user to the group libvirt";
const NO_AGENT: &str = "wait until the machine has booted, or install qemu-guest-agent in it and \
                        start it there";

/// A call that failed: what was tried, and what came of it.
pub fn fault(error: &RpcError, what: impl Into<String>) -> Fault {
    let fault = Fault::new(kind(error), what).said(said(error));
    match (error, error.code()) {
        (_, Some(code::VIR_ERR_AGENT_UNRESPONSIVE | code::VIR_ERR_AGENT_UNSYNCED)) => {
            Fault { message: "the guest agent does not answer".to_owned(), ..fault }
                .remedy(NO_AGENT)
        }
        (RpcError::Io(io), _) if io.kind() == io::ErrorKind::Unsupported => {
            fault.remedy("run the agent on a Linux host")
        }
        (RpcError::Io(_) | RpcError::Closed, _) if fault.kind == FaultKind::Unavailable => {
            fault.remedy(START_IT)
        }
        (RpcError::Io(_) | RpcError::Auth(_), _) if fault.kind == FaultKind::Permission => {
            fault.remedy(LET_IN)
        }
        _ => fault,
    }
}

/// The error's text with those beneath it, which are not in it.
fn said(error: &RpcError) -> String {
    match error {
        RpcError::Io(io) => format!("{error}: {io}"),
        _ => error.to_string(),
    }
}

fn kind(error: &RpcError) -> FaultKind {
    match error {
        RpcError::Io(error) => of_io(error),
        RpcError::Closed => FaultKind::Unavailable,
        RpcError::Auth(_) => FaultKind::Permission,
        RpcError::TooLong => FaultKind::InvalidSpec,
        RpcError::Protocol(_) | RpcError::Overrun => FaultKind::Failed,
        RpcError::Remote { code, message, domain: _ } => of_code(*code, message),
    }
}

/// What an operation on the host's own files failed with.
pub fn of_io(error: &io::Error) -> FaultKind {
    match error.kind() {
        io::ErrorKind::PermissionDenied => FaultKind::Permission,
        io::ErrorKind::StorageFull
        | io::ErrorKind::QuotaExceeded
        | io::ErrorKind::FileTooLarge
        | io::ErrorKind::OutOfMemory => FaultKind::ResourceExhausted,
        _ => FaultKind::Unavailable,
    }
}

/// Numbers of `virErrorNumber`. What is not here failed for a reason of libvirt's own.
const TABLE: &[(i32, FaultKind)] = &[
    (code::VIR_ERR_NO_DOMAIN, FaultKind::NotFound),
    (code::VIR_ERR_INVALID_DOMAIN, FaultKind::NotFound),
    (code::VIR_ERR_NO_NETWORK, FaultKind::NotFound),
    (code::VIR_ERR_NO_STORAGE_POOL, FaultKind::NotFound),
    (code::VIR_ERR_NO_STORAGE_VOL, FaultKind::NotFound),
    (code::VIR_ERR_NO_DOMAIN_SNAPSHOT, FaultKind::NotFound),
    (code::VIR_ERR_DOM_EXIST, FaultKind::AlreadyExists),
    (code::VIR_ERR_STORAGE_VOL_EXIST, FaultKind::AlreadyExists),
    (code::VIR_ERR_NO_SUPPORT, FaultKind::Unsupported),
    (code::VIR_ERR_ARGUMENT_UNSUPPORTED, FaultKind::Unsupported),
    (code::VIR_ERR_OPERATION_UNSUPPORTED, FaultKind::Unsupported),
    (code::VIR_ERR_CONFIG_UNSUPPORTED, FaultKind::Unsupported),
    (code::VIR_ERR_XML_ERROR, FaultKind::InvalidSpec),
    (code::VIR_ERR_XML_INVALID_SCHEMA, FaultKind::InvalidSpec),
    (code::VIR_ERR_CPU_INCOMPATIBLE, FaultKind::InvalidSpec),
    (code::VIR_ERR_OPERATION_INVALID, FaultKind::Conflict),
    (code::VIR_ERR_SNAPSHOT_REVERT_RISKY, FaultKind::Conflict),
    (code::VIR_ERR_RESOURCE_BUSY, FaultKind::Conflict),
    (code::VIR_ERR_AGENT_UNRESPONSIVE, FaultKind::Conflict),
    (code::VIR_ERR_AGENT_UNSYNCED, FaultKind::Conflict),
    // Another change of the same domain did not end in time; this one was not begun.
    (code::VIR_ERR_OPERATION_TIMEOUT, FaultKind::Conflict),
    (code::VIR_ERR_NO_MEMORY, FaultKind::ResourceExhausted),
    (code::VIR_ERR_OPERATION_DENIED, FaultKind::Permission),
    (code::VIR_ERR_ACCESS_DENIED, FaultKind::Permission),
    (code::VIR_ERR_AUTH_FAILED, FaultKind::Permission),
    (code::VIR_ERR_AUTH_CANCELLED, FaultKind::Permission),
    (code::VIR_ERR_AUTH_UNAVAILABLE, FaultKind::Permission),
    (code::VIR_ERR_NO_CONNECT, FaultKind::Unavailable),
    (code::VIR_ERR_INVALID_CONN, FaultKind::Unavailable),
];

/// What only the text tells: libvirt has one number for many of the system's errors, and for a name
/// that is taken. Its daemon speaks English whatever the caller's language.
const TEXTS: &[(&str, FaultKind)] = &[
    ("already exists", FaultKind::AlreadyExists),
    ("No space left on device", FaultKind::ResourceExhausted),
    ("Cannot allocate memory", FaultKind::ResourceExhausted),
    ("cannot set up guest memory", FaultKind::ResourceExhausted),
    ("Permission denied", FaultKind::Permission),
];

fn of_code(code: i32, message: &str) -> FaultKind {
    match TABLE.iter().find(|(number, _)| *number == code) {
        Some((_, kind)) => *kind,
        None => TEXTS
            .iter()
            .find(|(text, _)| message.contains(text))
            .map_or(FaultKind::Failed, |(_, kind)| *kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(code: i32, message: &str) -> RpcError {
        RpcError::Remote { code, domain: 10, message: message.to_owned() }
    }

    #[track_caller]
    fn check(error: &RpcError, kind: FaultKind) -> Fault {
        let fault = fault(error, "cannot do it");
        assert_eq!(fault.kind, kind, "{error}");
        assert!(fault.technology.is_some() && !fault.remedy.is_empty());
        fault
    }

    #[test]
    fn every_number_has_its_kind_and_the_text_is_kept() {
        for (number, kind) in TABLE {
            check(&remote(*number, "so it is"), *kind);
        }
        let fault = check(&remote(42, "no domain with matching uuid"), FaultKind::NotFound);
        assert_eq!(fault.technology.as_deref(), Some("no domain with matching uuid"));
    }

    #[test]
    fn what_only_the_text_tells_is_told() {
        let taken = "operation failed: domain 'a' already exists with uuid 1";
        check(&remote(code::VIR_ERR_OPERATION_FAILED, taken), FaultKind::AlreadyExists);
        let full = "cannot extend file '/a': No space left on device";
        check(&remote(code::VIR_ERR_SYSTEM_ERROR, full), FaultKind::ResourceExhausted);
        check(&remote(code::VIR_ERR_INTERNAL_ERROR, "who knows"), FaultKind::Failed);
    }

    #[test]
    fn a_daemon_that_is_not_there_is_told_with_what_to_start() {
        let io = |kind: io::ErrorKind| RpcError::Io(kind.into());
        let fault = check(&io(io::ErrorKind::NotFound), FaultKind::Unavailable);
        assert!(fault.remedy.contains("libvirtd"), "{}", fault.remedy);
        check(&io(io::ErrorKind::ConnectionRefused), FaultKind::Unavailable);
        check(&RpcError::Closed, FaultKind::Unavailable);
        let fault = check(&io(io::ErrorKind::PermissionDenied), FaultKind::Permission);
        assert!(fault.remedy.contains("group libvirt"), "{}", fault.remedy);
    }

    #[test]
    fn a_deaf_agent_is_told_as_such() {
        let fault = check(&remote(code::VIR_ERR_AGENT_UNRESPONSIVE, "x"), FaultKind::Conflict);
        assert_eq!(fault.message, "the guest agent does not answer");
        assert!(fault.remedy.contains("qemu-guest-agent"));
    }
}
