//! Which public keys the fleet accepts, and checking a signature made with one. Called for
//! requests (proof of possession) and for CA certificates (self-signed).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519, UnparsedPublicKey,
    VerificationAlgorithm,
};
use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PublicKeyData};
use x509_parser::oid_registry::{
    OID_SIG_ECDSA_WITH_SHA256, OID_SIG_ECDSA_WITH_SHA384, OID_SIG_ED25519, Oid,
};
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

/// Why a key or what it signed was not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// Not P-256, P-384 or Ed25519, or not encoded as DER demands.
    Key,
    /// The signature is not of this key, or of an algorithm that does not go with it.
    Signature,
}

/// The key of `info`, if it is of a kind that the fleet accepts.
pub(crate) fn accepted_key(
    info: &SubjectPublicKeyInfo<'_>,
) -> Result<rcgen::SubjectPublicKeyInfo, Rejected> {
    let key = rcgen::SubjectPublicKeyInfo::from_der(info.raw).map_err(|_| Rejected::Key)?;
    scheme(&key)?;
    // One key must have one fingerprint, so only its canonical encoding will do.
    if key.subject_public_key_info() == info.raw { Ok(key) } else { Err(Rejected::Key) }
}

/// Checks that `key` signed `message`, by the one algorithm that goes with its kind.
pub(crate) fn verify(
    key: &rcgen::SubjectPublicKeyInfo,
    algorithm: &AlgorithmIdentifier<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), Rejected> {
    let (oid, scheme) = scheme(key)?;
    if algorithm.algorithm != oid {
        return Err(Rejected::Signature);
    }
    let key = UnparsedPublicKey::new(scheme, key.der_bytes());
    key.verify(message, signature).map_err(|_| Rejected::Signature)
}

fn scheme(
    key: &rcgen::SubjectPublicKeyInfo,
) -> Result<(Oid<'static>, &'static dyn VerificationAlgorithm), Rejected> {
    let kind = key.algorithm();
    if kind == &PKCS_ECDSA_P256_SHA256 {
        Ok((OID_SIG_ECDSA_WITH_SHA256, &ECDSA_P256_SHA256_ASN1))
    } else if kind == &PKCS_ECDSA_P384_SHA384 {
        Ok((OID_SIG_ECDSA_WITH_SHA384, &ECDSA_P384_SHA384_ASN1))
    } else if kind == &PKCS_ED25519 {
        Ok((OID_SIG_ED25519, &ED25519))
    } else {
        Err(Rejected::Key)
    }
}
