//! The secret in a join token, and what the coordinator keeps of it.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde::{Deserialize, Serialize};
use tamer_model::Fingerprint;
use zeroize::Zeroize;

use crate::crypto;

/// 32 random bytes that let their holder join. Overwritten when dropped, never printed.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Secret {
    /// Draws one.
    pub fn generate() -> Self {
        Self(crypto::random())
    }

    /// Wraps the bytes of one, as they come over the wire.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, to send to a coordinator whose CA was checked.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// What the coordinator stores.
    pub fn hash(&self) -> SecretHash {
        let hash = crypto::sha256(&[b"tamer join secret 1\0", &self.0]);
        SecretHash(Fingerprint::from_bytes(hash))
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// SHA-256 of a secret under a prefix of its own. The secret is 256 random bits, so a fast hash
/// is enough: there is nothing to guess.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretHash(Fingerprint);

impl SecretHash {
    /// Whether `secret` is the one; takes the same time for every wrong one.
    pub fn verify(&self, secret: &Secret) -> bool {
        let Self(hash) = secret.hash();
        verify_slices_are_equal(hash.as_bytes(), self.0.as_bytes()).is_ok()
    }
}
