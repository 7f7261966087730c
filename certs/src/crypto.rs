//! The one crypto provider and the few primitives used beside TLS. Everybody in the crate calls it.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest::{Context, SHA256};
use rustls::crypto::CryptoProvider;
use tamer_model::Fingerprint;

/// Makes aws-lc-rs the process's crypto provider. Call it first in every `main`; further calls do
/// nothing.
pub fn install_crypto() {
    // An error means that a provider is there already, which is what we want.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// The provider, for the few rustls calls that take one.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let make = || Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    CryptoProvider::get_default().unwrap_or_else(|| PROVIDER.get_or_init(make)).clone()
}

/// SHA-256 of one piece of DER.
pub(crate) fn fingerprint(der: &[u8]) -> Fingerprint {
    Fingerprint::from_bytes(sha256(&[der]))
}

/// SHA-256 of the parts, one after the other. Callers whose parts vary in length separate them.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// Fresh random bytes of the operating system.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}
