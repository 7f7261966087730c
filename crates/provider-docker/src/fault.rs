//! What an engine says, sorted into kinds.
//!
//! Engines tell what is wrong by a status and an English sentence, and Podman by the sentence
//! alone: almost everything is its 500. So both are read here, and nowhere else.

use std::fmt;
use std::io;
use std::time::Duration;

use serde::Deserialize;
use tamer_provider::{Fault, FaultKind};

use crate::connect::Endpoint;

/// The engine refused: its status, and its message.
pub(crate) fn refused(doing: &str, status: u16, message: &str) -> Fault {
    let kind = sort(status, message);
    let fault = Fault::new(kind, format!("cannot {doing}")).said(message);
    let lower = message.to_lowercase();
    if kind == FaultKind::Failed && NO_REGISTRY.iter().any(|sentence| lower.contains(sentence)) {
        return fault.on("image").remedy("check that the host reaches the image's registry");
    }
    match (kind, field(message)) {
        (_, Some(name)) => fault.on(name),
        (FaultKind::Failed, None) if message.is_empty() => {
            Fault { technology: Some(format!("HTTP status {status}, without a word")), ..fault }
        }
        (_, None) => fault,
    }
}

/// An error that came in the middle of a good answer, where there is no status.
pub(crate) fn in_stream(doing: &str, message: &str) -> Fault {
    refused(doing, 500, message)
}

/// Sentences and what they mean, the first that fits. Lower case; both engines' own.
const SENTENCES: &[(&str, FaultKind)] = &[
    ("no space left on device", FaultKind::ResourceExhausted),
    ("cannot allocate memory", FaultKind::ResourceExhausted),
    ("disk quota exceeded", FaultKind::ResourceExhausted),
    ("too many open files", FaultKind::ResourceExhausted),
    ("toomanyrequests", FaultKind::ResourceExhausted),
    ("could not find an available", FaultKind::ResourceExhausted),
    ("port is already allocated", FaultKind::ResourceExhausted),
    ("address already in use", FaultKind::ResourceExhausted),
    ("ports are not available", FaultKind::ResourceExhausted),
    ("name is already in use", FaultKind::AlreadyExists),
    ("is already in use by", FaultKind::AlreadyExists),
    ("supported only for", FaultKind::Unsupported),
    ("does not support reading", FaultKind::Unsupported),
    ("only supported in rootful", FaultKind::Unsupported),
    ("bind source path does not exist", FaultKind::InvalidSpec),
    ("invalid reference format", FaultKind::InvalidSpec),
    ("repository name must be lowercase", FaultKind::InvalidSpec),
    ("names must match", FaultKind::InvalidSpec),
    ("executable file not found", FaultKind::InvalidSpec),
    ("memory limit", FaultKind::InvalidSpec),
    ("range of cpus", FaultKind::InvalidSpec),
    ("unable to find user", FaultKind::InvalidSpec),
    ("container state improper", FaultKind::Conflict),
    ("is not paused", FaultKind::Conflict),
    ("is in use", FaultKind::Conflict),
    ("is using its referenced image", FaultKind::Conflict),
    ("no basic auth credentials", FaultKind::Permission),
    ("unauthorized", FaultKind::Permission),
    ("authentication required", FaultKind::Permission),
    ("pull access denied", FaultKind::NotFound),
    ("manifest unknown", FaultKind::NotFound),
    ("manifest for", FaultKind::NotFound),
    ("no such container", FaultKind::NotFound),
    ("no such image", FaultKind::NotFound),
    ("image not known", FaultKind::NotFound),
    ("network not found", FaultKind::NotFound),
];

/// What an engine says when it does not reach a registry. The engine itself is there, so this is
/// not [`FaultKind::Unavailable`], which would call for another host.
const NO_REGISTRY: &[&str] = &[
    "no such host",
    "network is unreachable",
    "connection refused",
    "i/o timeout",
    "server misbehaving",
    "tls: failed to verify",
    "http: server gave http response to https client",
];

fn sort(status: u16, message: &str) -> FaultKind {
    let lower = message.to_lowercase();
    if let Some((_, kind)) = SENTENCES.iter().find(|(sentence, _)| lower.contains(sentence)) {
        return *kind;
    }
    match status {
        400 => FaultKind::InvalidSpec,
        401 | 403 => FaultKind::Permission,
        404 => FaultKind::NotFound,
        405 | 501 => FaultKind::Unsupported,
        409 => FaultKind::Conflict,
        408 | 504 => FaultKind::Timeout,
        502 | 503 => FaultKind::Unavailable,
        _ => FaultKind::Failed,
    }
}

/// The field of a spec that a sentence is about, where it can be told without the spec.
fn field(message: &str) -> Option<&'static str> {
    const FIELDS: &[(&str, &str)] = &[
        ("memory limit", "limits.memory_bytes"),
        ("Range of CPUs", "limits.cpu_millis"),
        ("storage-opt", "limits.disk_bytes"),
        ("pids limit", "limits.pids"),
        ("name is already in use", "name"),
        ("is already in use by", "name"),
        ("Invalid container name", "name"),
        ("names must match", "name"),
        ("invalid reference format", "image"),
        ("repository name must be lowercase", "image"),
        ("No such image", "image"),
        ("image not known", "image"),
        ("pull access denied", "image"),
        ("manifest unknown", "image"),
        ("executable file not found", "command"),
        ("unable to find user", "user"),
        ("port is already allocated", "ports"),
        ("address already in use", "ports"),
        ("ports are not available", "ports"),
        ("bind source path does not exist", "mounts"),
        ("network not found", "networks"),
    ];
    FIELDS.iter().find(|(sentence, _)| message.contains(sentence)).map(|(_, field)| *field)
}

/// The text in an error body: `{"message": "…"}`, or the body itself.
pub(crate) fn message_of(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Complaint {
        message: String,
    }
    match serde_json::from_slice::<Complaint>(body) {
        Ok(complaint) => complaint.message,
        Err(_) => String::from_utf8_lossy(body).trim().to_owned(),
    }
}

/// No engine at any of the usual places.
pub(crate) fn nowhere(looked: &str) -> Fault {
    Fault::new(FaultKind::Unavailable, format!("no container engine was found at {looked}"))
        .remedy("install and start the engine, or name its endpoint in the agent's configuration")
}

/// Nobody at the endpoint, or none of ours.
pub(crate) fn connect(endpoint: &Endpoint, error: &io::Error) -> Fault {
    let fault = |kind, message: String| Fault::new(kind, message).said(error.to_string());
    match error.kind() {
        io::ErrorKind::NotFound => {
            fault(FaultKind::Unavailable, format!("there is no engine at {endpoint}"))
                .remedy("start the engine, or correct the endpoint in the agent's configuration")
        }
        io::ErrorKind::ConnectionRefused => {
            fault(FaultKind::Unavailable, format!("nobody listens at {endpoint}"))
                .remedy("start the engine: what is there was left by one that ended")
        }
        io::ErrorKind::PermissionDenied => {
            fault(FaultKind::Permission, format!("the agent may not open {endpoint}")).remedy(
                "run the agent as root, or add its user to the group that owns the socket \
                 (docker, for Docker Engine) and start the agent again",
            )
        }
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            fault(FaultKind::Unavailable, format!("no TLS with {endpoint}"))
                .remedy("check the certificate files in the agent's configuration")
        }
        _ => fault(FaultKind::Unavailable, format!("cannot connect to {endpoint}")),
    }
}

pub(crate) fn connect_timeout(endpoint: &Endpoint, limit: Duration) -> Fault {
    let message = format!("{endpoint} does not take a connection within {limit:?}");
    Fault::new(FaultKind::Unavailable, message)
}

/// The connection ended before the answer did.
pub(crate) fn lost(doing: &str, error: &(dyn std::error::Error + 'static)) -> Fault {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        said = format!("{said}: {cause}");
        source = cause.source();
    }
    let message = format!("the engine went away, asked to {doing}");
    Fault::new(FaultKind::Unavailable, message).said(said)
}

pub(crate) fn timeout(doing: &str, limit: Duration) -> Fault {
    Fault::new(FaultKind::Timeout, format!("the engine did not {doing} within {limit:?}"))
}

/// The engine said what we do not understand.
pub(crate) fn garbled(doing: &str, error: &dyn fmt::Display) -> Fault {
    let message = format!("asked to {doing}, the engine gave an answer that cannot be read");
    Fault::new(FaultKind::Failed, message).said(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, message: &str, kind: FaultKind, field: Option<&str>) {
        let fault = refused("do it", status, message);
        assert_eq!((fault.kind, fault.field.as_deref()), (kind, field), "{message}");
        assert_eq!(fault.technology.as_deref(), Some(message));
    }

    #[test]
    fn dockers_sentences_are_sorted() {
        use FaultKind as K;
        let name = "Conflict. The container name \"/one\" is already in use by container \"ba4\". \
                    You have to remove (or rename) that container to be able to reuse that name.";
        check(409, name, K::AlreadyExists, Some("name"));
        check(404, "No such image: nope/none:1", K::NotFound, Some("image"));
        check(404, "No such container: mm", K::NotFound, None);
        check(404, "network nonet not found", K::NotFound, None);
        let bind = "invalid mount config for type \"bind\": bind source path does not exist: /no";
        check(400, bind, K::InvalidSpec, Some("mounts"));
        let cpus = "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available";
        check(400, cpus, K::InvalidSpec, Some("limits.cpu_millis"));
        let memory = "Minimum memory limit allowed is 6MB";
        check(400, memory, K::InvalidSpec, Some("limits.memory_bytes"));
        let port = "driver failed programming external connectivity on endpoint pp (caf): Bind \
                    for 0.0.0.0:18080 failed: port is already allocated";
        check(500, port, K::ResourceExhausted, Some("ports"));
        let storage =
            "--storage-opt is supported only for overlay over xfs with 'pquota' mount option";
        check(500, storage, K::Unsupported, Some("limits.disk_bytes"));
        let reference = "invalid reference format: repository name must be lowercase";
        check(400, reference, K::InvalidSpec, Some("image"));
        let program = "failed to create shim task: OCI runtime create failed: exec: \"no\": \
                       executable file not found in $PATH: unknown";
        check(400, program, K::InvalidSpec, Some("command"));
        check(500, "Container ba4 is not paused", K::Conflict, None);
        check(409, "Container ba4 is already paused", K::Conflict, None);
        let far =
            "Get \"https://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused";
        check(500, far, K::Failed, Some("image"));
        let full = "write /var/lib/docker/tmp/x: no space left on device";
        check(500, full, K::ResourceExhausted, None);
    }

    #[test]
    fn podmans_sentences_are_sorted() {
        use FaultKind as K;
        let name = "container create: creating container storage: the container name \"one\" is \
                    already in use by 237. You have to remove that container to be able to reuse \
                    that name: that name is already in use";
        check(500, name, K::AlreadyExists, Some("name"));
        let image = "no such image: docker.io/nope/none:1: image not known";
        check(404, image, K::NotFound, Some("image"));
        let network = "unable to find network with name or ID nonet: network not found";
        check(500, network, K::NotFound, Some("networks"));
        let state = "\"created\" is not running, can't pause: container state improper";
        check(500, state, K::Conflict, None);
        let port =
            "cannot listen on the TCP port: listen tcp4 :18080: bind: address already in use";
        check(500, port, K::ResourceExhausted, Some("ports"));
    }

    #[test]
    fn a_closed_door_says_which_and_what_to_do() {
        let endpoint = Endpoint::Tcp("engine".to_owned(), 1);
        let denied = connect(&endpoint, &io::ErrorKind::PermissionDenied.into());
        assert_eq!(denied.kind, FaultKind::Permission);
        assert!(denied.message.contains("tcp://engine:1"), "{denied}");
        assert!(denied.remedy.contains("group"), "{}", denied.remedy);
        let absent = connect(&endpoint, &io::ErrorKind::NotFound.into());
        assert_eq!(absent.kind, FaultKind::Unavailable);
        let refused = connect(&endpoint, &io::ErrorKind::ConnectionRefused.into());
        assert_eq!(refused.kind, FaultKind::Unavailable);
        assert_ne!(absent.message, refused.message);
    }

    #[test]
    fn a_body_without_json_is_its_own_message() {
        assert_eq!(message_of(b"{\"message\":\"no\"}"), "no");
        assert_eq!(message_of(b"404 page not found\n"), "404 page not found");
    }
}
