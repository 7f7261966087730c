//! The fleet's PKI: one certificate authority, what it issues, how peers join, and the TLS
//! settings that make both sides check each other.
//!
//! - The coordinator owns the [`Authority`], issues, checks peers ([`server_config`],
//!   [`Revocations`], [`PeerIdentity`]) and makes [`JoinToken`]s.
//! - The agent owns a [`HostKey`], joins through [`pinned_client_config`], and renews into a
//!   [`RotatingIdentity`].
//! - `tamerctl` holds [`Credentials`] and connects with [`client_config`].
//!
//! Every `main` calls [`install_crypto`] before anything else. Nobody here reads a clock: `now` is
//! an argument, except inside rustls, which checks validity by the machine's own clock.
//! Randomness comes from the operating system.
//!
//! Certificates are X.509 v3 (RFC 5280) on ECDSA P-256, TLS is 1.3 only (RFC 8446), ALPN `h2`.

mod authority;
mod authority_files;
mod client;
mod credentials;
mod crypto;
mod csr;
mod files;
mod host_key;
mod issue;
mod join_code;
mod lifetimes;
mod peer;
mod pem;
mod pinned;
mod platform;
mod revocations;
mod secret;
mod serial;
mod server;
mod signature;
mod token;
mod trust;
mod uri;

pub use authority::{Authority, CreateError};
pub use authority_files::{CA_CERTIFICATE_FILE, CA_KEY_FILE, LoadError, SaveError};
pub use client::{ClientConfigError, RotatingIdentity, client_config, rotating_client_config};
pub use credentials::{Credentials, CredentialsError};
pub use crypto::install_crypto;
pub use csr::{CsrError, MAX_CSR_BYTES, csr_key_fingerprint};
pub use host_key::{HostKey, HostKeyError};
pub use issue::{IssueError, Issued};
pub use join_code::join_code;
pub use lifetimes::{Lifetimes, renew_at};
pub use peer::{PeerError, PeerIdentity};
pub use pinned::{PinError, PinnedCa, pinned_client_config, unpinned_client_config};
pub use revocations::{Revocations, Revoked};
pub use secret::{Secret, SecretHash};
pub use serial::{InvalidSerial, Serial};
pub use server::{RotatingServer, ServerConfigError, TLS_BUFFER_LIMIT, server_config};
pub use token::{JoinToken, TokenError};
pub use trust::{Trust, TrustError};

/// The DNS name that every coordinator's certificate carries, and that clients ask for whatever
/// address they dialled: the standard verifier with this name and the fleet's CA as its only root
/// accepts coordinators and nobody else.
pub const SERVER_NAME: &str = "coordinator.tamer";
