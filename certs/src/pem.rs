//! Writing PEM (RFC 7468): certificates and PKCS #8 keys, lines of 64, LF on every platform.
//! Reading is rustls' own.

use data_encoding::BASE64;
use rustls::pki_types::CertificateDer;
use zeroize::Zeroizing;

/// One certificate as PEM.
pub(crate) fn certificate(der: &CertificateDer<'_>) -> String {
    block("CERTIFICATE", der)
}

/// Certificates as PEM, one after the other.
pub(crate) fn certificates(chain: &[CertificateDer<'_>]) -> String {
    chain.iter().map(certificate).collect()
}

/// A PKCS #8 private key as PEM.
pub(crate) fn private_key(pkcs8: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(block("PRIVATE KEY", pkcs8))
}

fn block(label: &str, der: &[u8]) -> String {
    let body = Zeroizing::new(BASE64.encode(der));
    // One allocation of the right size, so that no copy of a key stays behind in freed memory.
    let mut text = String::with_capacity(body.len() + body.len() / 64 + 2 * label.len() + 64);
    text.push_str(&format!("-----BEGIN {label}-----\n"));
    for at in (0..body.len()).step_by(64) {
        text.push_str(&body[at..body.len().min(at + 64)]);
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}
