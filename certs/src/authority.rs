//! The fleet's certificate authority. The coordinator owns the only one; it is shared by
//! reference, for nothing in it changes after it was made.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyUsagePurpose,
};
use tamer_model::{Fingerprint, FleetId, Timestamp};

use crate::issue::{earlier, set_validity};
use crate::{HostKey, HostKeyError, Lifetimes, Serial, Trust, TrustError};

/// The fleet CA: its key, its certificate, and how long what it issues lives.
#[derive(Debug)]
pub struct Authority {
    pub(crate) key: HostKey,
    pub(crate) trust: Trust,
    pub(crate) not_after: Timestamp,
    pub(crate) lifetimes: Lifetimes,
}

/// A fleet CA could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// No key.
    #[error("cannot make the key of the certificate authority")]
    Key(#[source] HostKeyError),
    /// The certificate could not be signed.
    #[error("cannot sign the certificate of the certificate authority")]
    Sign(#[source] rcgen::Error),
    /// What was made does not pass the checks that peers make.
    #[error("the certificate of the certificate authority is not usable")]
    Check(#[source] TrustError),
}

impl Authority {
    /// Makes the authority of a new fleet, in memory: see [`save`](Self::save).
    pub fn create(fleet: FleetId, now: Timestamp) -> Result<Self, CreateError> {
        Self::create_with(fleet, now, Lifetimes::default())
    }

    /// The same with other lifetimes.
    pub fn create_with(
        fleet: FleetId,
        now: Timestamp,
        lifetimes: Lifetimes,
    ) -> Result<Self, CreateError> {
        let key = HostKey::generate().map_err(CreateError::Key)?;
        let not_before = earlier(now, lifetimes.authority_backdate);
        let not_after = now.plus(lifetimes.authority);
        let params = params(fleet, not_before, not_after);
        let certificate = params.self_signed(key.pair()).map_err(CreateError::Sign)?;
        let trust = Trust::from_der(certificate.der()).map_err(CreateError::Check)?;
        Ok(Self { key, trust, not_after, lifetimes })
    }

    /// Changes how long what is issued from now on lives.
    #[must_use]
    pub fn with_lifetimes(mut self, lifetimes: Lifetimes) -> Self {
        self.lifetimes = lifetimes;
        self
    }

    /// Its certificate, as peers hold it.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// SHA-256 of its certificate.
    pub fn fingerprint(&self) -> Fingerprint {
        self.trust.fingerprint()
    }

    /// The fleet it vouches for.
    pub fn fleet(&self) -> FleetId {
        self.trust.fleet()
    }

    /// Until when its certificate, and so everything below it, is valid.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }
}

fn params(fleet: FleetId, not_before: Timestamp, not_after: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    set_validity(&mut params, not_before, not_after);
    params.serial_number = Some(Serial::random().to_be_bytes().to_vec().into());
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Tamer");
    params.distinguished_name.push(DnType::CommonName, fleet.to_string());
    // Nobody below it may sign: there are no intermediate authorities.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}
