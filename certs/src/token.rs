//! Join tokens: what a new host needs to know to join one fleet and no other. The coordinator
//! makes them; agents and `tamerctl` read them.
//!
//! The text is `tamer1.` and 120 characters of base64url (RFC 4648 §5) of 90 bytes: fleet (10),
//! token id (10), CA fingerprint (32), secret (32), and six bytes of SHA-256 over these, which
//! tell a token that was mistyped from one that the fleet does not know.

use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use tamer_model::{Code, Fingerprint, FleetId, Problem, TokenId};
use zeroize::Zeroizing;

use crate::{Secret, crypto};

const PREFIX: &str = "tamer1.";
const PAYLOAD: usize = 10 + 10 + 32 + 32;
const CHECKSUM: usize = 6;
/// 90 bytes are 120 characters exactly, so no bit of a token is spare.
const CHARS: usize = (PAYLOAD + CHECKSUM) / 3 * 4;

/// A join token.
#[derive(Debug, Clone)]
pub struct JoinToken {
    /// Which token, for the coordinator to look up.
    pub id: TokenId,
    /// The fleet it leads to.
    pub fleet: FleetId,
    /// The fingerprint of that fleet's CA certificate, to check before anything is sent.
    pub ca: Fingerprint,
    /// What proves that the holder was given the token.
    pub secret: Secret,
}

/// A text that is not a join token of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Something else altogether.
    #[error("this is not a join token")]
    NotAToken,
    /// The end, or a piece in the middle, is missing.
    #[error("the join token is incomplete: {found} of {} characters", PREFIX.len() + CHARS)]
    Truncated {
        /// How many characters there are.
        found: usize,
    },
    /// Some character is wrong, or there are too many.
    #[error("the join token was changed on its way: its checksum does not fit")]
    Mistyped,
    /// Made by a later release.
    #[error("the join token has format {0}, and this release reads format 1")]
    NewerVersion(u32),
}

impl JoinToken {
    /// Makes a token with a fresh id and secret.
    pub fn generate(fleet: FleetId, ca: Fingerprint) -> Self {
        let id = TokenId::from_bytes(crypto::random());
        Self { id, fleet, ca, secret: Secret::generate() }
    }

    /// The token as text, secret included: to be shown once to who asked for it, and not logged.
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; PAYLOAD + CHECKSUM]);
        bytes[..10].copy_from_slice(self.fleet.as_bytes());
        bytes[10..20].copy_from_slice(self.id.as_bytes());
        bytes[20..52].copy_from_slice(self.ca.as_bytes());
        bytes[52..84].copy_from_slice(self.secret.expose());
        let checksum = checksum(&bytes[..PAYLOAD]);
        bytes[PAYLOAD..].copy_from_slice(&checksum);
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + CHARS));
        text.push_str(PREFIX);
        BASE64URL_NOPAD.encode_append(&*bytes, &mut text);
        text
    }
}

impl FromStr for JoinToken {
    type Err = TokenError;

    /// Reads a token; white space around it does not matter.
    fn from_str(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        let digits = match text.strip_prefix(PREFIX) {
            Some(digits) => digits,
            None => return Err(not_ours(text)),
        };
        match digits.chars().count() {
            short if short < CHARS => {
                return Err(TokenError::Truncated { found: PREFIX.len() + short });
            }
            long if long > CHARS => return Err(TokenError::Mistyped),
            _ => {}
        }
        let bytes = BASE64URL_NOPAD.decode(digits.as_bytes()).map_err(|_| TokenError::Mistyped)?;
        let bytes = Zeroizing::new(bytes);
        read(&bytes).ok_or(TokenError::Mistyped)
    }
}

impl TokenError {
    /// What the reader can do.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::NotAToken => "give the text that `tamerctl token create` printed: tamer1.…",
            Self::Truncated { .. } => "copy the whole token, it is one line",
            Self::Mistyped => "copy the token again instead of typing it",
            Self::NewerVersion(_) => "install the release that the coordinator runs",
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        Self::new(Code::TokenMalformed, error.to_string()).on("token").remedy(error.remedy())
    }
}

fn read(bytes: &[u8]) -> Option<JoinToken> {
    let (payload, sum) = bytes.split_at_checked(PAYLOAD)?;
    if checksum(payload) != *sum {
        return None;
    }
    Some(JoinToken {
        fleet: FleetId::from_bytes(payload[..10].try_into().ok()?),
        id: TokenId::from_bytes(payload[10..20].try_into().ok()?),
        ca: Fingerprint::from_bytes(payload[20..52].try_into().ok()?),
        secret: Secret::from_bytes(payload[52..84].try_into().ok()?),
    })
}

fn checksum(payload: &[u8]) -> [u8; CHECKSUM] {
    let hash = crypto::sha256(&[b"tamer join token 1\0", payload]);
    std::array::from_fn(|at| hash[at])
}

/// What a text without our prefix is.
fn not_ours(text: &str) -> TokenError {
    let version = text.strip_prefix("tamer").and_then(|rest| rest.split_once('.'));
    match version.and_then(|(version, _)| version.parse().ok()) {
        Some(version) if version > 1 => TokenError::NewerVersion(version),
        _ if !text.is_empty() && PREFIX.starts_with(text) => {
            TokenError::Truncated { found: text.len() }
        }
        _ => TokenError::NotAToken,
    }
}
