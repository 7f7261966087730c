//! What went wrong, as the person who caused it should read it: a stable code, what and where, and
//! the remedy. Programs turn a problem into a gRPC status, an exit code or a line of text, each in
//! one place.

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The stable name of a problem. Scripts match on it: a code never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code as it is printed and sent.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }

        impl std::str::FromStr for Code {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                match text {
                    $($text => Ok(Self::$name),)*
                    _ => Err(()),
                }
            }
        }
    };
}

codes! {
    /// A field of a request is missing or out of its range.
    InvalidField = "invalid-field",
    /// A selector cannot be read.
    SelectorInvalid = "selector-invalid",
    /// A selector names no host.
    SelectionEmpty = "selection-empty",
    /// A label's key or value is not allowed.
    LabelInvalid = "label-invalid",
    /// A join token cannot be read.
    TokenMalformed = "token-malformed",
    /// A join token's lifetime has passed.
    TokenExpired = "token-expired",
    /// A join token has no uses left.
    TokenUsedUp = "token-used-up",
    /// A join token of another fleet, or one that was revoked or never existed.
    TokenUnknown = "token-unknown",
    /// The certificate authority is not the one that was pinned.
    CaMismatch = "ca-mismatch",
    /// A certificate request that does not prove its key or asks for what it may not have.
    CsrInvalid = "csr-invalid",
    /// No client certificate came with a call that needs one.
    Unauthenticated = "unauthenticated",
    /// The certificate's role does not allow the call.
    RoleNotAllowed = "role-not-allowed",
    /// The host was removed from the fleet.
    HostRevoked = "host-revoked",
    /// The certificate has expired.
    CertificateExpired = "certificate-expired",
    /// Too many requests from one address, or too much work in hand.
    Busy = "busy",
    /// No host, batch, token or other thing of that name.
    NotFound = "not-found",
    /// More than one thing has that name.
    Ambiguous = "ambiguous",
    /// The thing changed between the look and the deed.
    Conflict = "conflict",
    /// The thing is not in a state that allows this.
    WrongState = "wrong-state",
    /// The peer speaks a version that this one cannot serve.
    VersionUnsupported = "version-unsupported",
    /// The store refused or failed.
    StoreFailed = "store-failed",
    /// The coordinator cannot be reached.
    Unreachable = "unreachable",
    /// The configuration cannot be read or has unknown keys.
    ConfigInvalid = "config-invalid",
    /// A data folder is unwritable, corrupted, in use, or of a newer version.
    DataFolder = "data-folder",
    /// An address is taken or not ours.
    AddressUnavailable = "address-unavailable",
    /// A thing of that name is there already.
    AlreadyExists = "already-exists",
    /// A technology that a provider serves is not there, does not answer, or has just stopped.
    ProviderUnavailable = "provider-unavailable",
    /// The technology cannot do this.
    Unsupported = "unsupported",
    /// Memory, disk, ports or another thing of which there is only so much ran out.
    ResourceExhausted = "resource-exhausted",
    /// The agent may not do this on its host.
    PermissionDenied = "permission-denied",
    /// The technology did not answer in time; whether it did what was asked is not known.
    TimedOut = "timed-out",
    /// The technology refused or failed for a reason of its own.
    TechnologyFailed = "technology-failed",
    /// A fault of the program itself.
    Internal = "internal",
}

/// One problem. The message says what and where; the remedy says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// The stable name.
    pub code: Code,
    /// What went wrong, in one sentence without the remedy.
    pub message: String,
    /// The field of the request at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What the reader can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Problem {
    /// A problem without field and remedy.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: None, remedy: None }
    }

    /// A request's field that cannot be accepted.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Code::InvalidField, message).on(field)
    }

    /// Names the field at fault.
    #[must_use]
    pub fn on(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Says what the reader can do.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_name_every_code() {
        let page = include_str!("../../../docs/errors.md");
        for code in Code::ALL {
            assert!(
                page.contains(&format!("\n| `{}` | ", code.as_str())),
                "docs/errors.md lacks {code:?}"
            );
        }
    }

    #[test]
    fn codes_read_back() {
        for code in Code::ALL {
            assert_eq!(code.as_str().parse(), Ok(*code));
            assert_eq!(serde_json::to_string(code).expect("json"), format!("{:?}", code.as_str()));
        }
    }
}
