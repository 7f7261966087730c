//! Issuing certificates. Everything in one is the authority's word: the role, the names, the
//! usages, the times; the applicant brings a key and nothing else.

use std::time::Duration;

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyUsagePurpose, PublicKeyData, SanType, date_time_ymd,
};
use rustls::pki_types::CertificateDer;
use tamer_model::{
    Code, CoordinatorId, Fingerprint, HostId, Identity, Problem, Role, Timestamp, UserName,
};

use crate::credentials::chain_text;
use crate::csr::CheckedRequest;
use crate::{
    Authority, Credentials, CredentialsError, CsrError, HostKey, HostKeyError, SERVER_NAME, Serial,
    crypto, pem, uri,
};

/// A certificate that was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// Who it is for.
    pub identity: Identity,
    /// What its holder sends in a handshake: its certificate and, for a coordinator, the CA's.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its serial number, to revoke it by.
    pub serial: Serial,
    /// From when it is valid: backdated, see [`Lifetimes`](crate::Lifetimes).
    pub not_before: Timestamp,
    /// Until when it is valid; never longer than the authority.
    pub not_after: Timestamp,
    /// SHA-256 of the key's SubjectPublicKeyInfo.
    pub key: Fingerprint,
}

/// A certificate could not be issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The request was refused.
    #[error(transparent)]
    Csr(#[from] CsrError),
    /// The authority's own time is over.
    #[error("the fleet's certificate authority has expired")]
    AuthorityExpired,
    /// No key.
    #[error("cannot make a key")]
    Key(#[source] HostKeyError),
    /// The certificate could not be signed.
    #[error("cannot sign the certificate")]
    Sign(#[source] rcgen::Error),
    /// The issued certificate and its key do not go together.
    #[error("the issued certificate is not usable")]
    Credentials(#[source] CredentialsError),
}

impl Authority {
    /// Issues a host's certificate for a request (PKCS #10, DER): client only, 24 hours.
    pub fn issue_host(
        &self,
        csr_der: &[u8],
        host: HostId,
        now: Timestamp,
    ) -> Result<Issued, IssueError> {
        let request = CheckedRequest::from_der(csr_der)?;
        self.sign(Role::Host(host), &request.key, now)
    }

    /// Issues a user's certificate for a request (PKCS #10, DER): client only, 365 days.
    pub fn issue_user(
        &self,
        csr_der: &[u8],
        user: UserName,
        now: Timestamp,
    ) -> Result<Issued, IssueError> {
        let request = CheckedRequest::from_der(csr_der)?;
        self.sign(Role::User(user), &request.key, now)
    }

    /// Makes a key and a certificate for a user: the first one of a fleet, who cannot ask yet.
    pub fn issue_user_credentials(
        &self,
        user: UserName,
        now: Timestamp,
    ) -> Result<Credentials, IssueError> {
        self.issue_with_key(Role::User(user), now)
    }

    /// Makes a key and a certificate for a coordinator: server and client, 30 days, the CA's
    /// certificate in the chain so that a client that knows only its fingerprint finds it.
    pub fn issue_coordinator(
        &self,
        coordinator: CoordinatorId,
        now: Timestamp,
    ) -> Result<Credentials, IssueError> {
        self.issue_with_key(Role::Coordinator(coordinator), now)
    }

    fn issue_with_key(&self, role: Role, now: Timestamp) -> Result<Credentials, IssueError> {
        let key = HostKey::generate().map_err(IssueError::Key)?;
        let issued = self.sign(role, key.pair(), now)?;
        Credentials::new(issued.chain, key).map_err(IssueError::Credentials)
    }

    fn sign(
        &self,
        role: Role,
        key: &impl PublicKeyData,
        now: Timestamp,
    ) -> Result<Issued, IssueError> {
        let (life, chained) = match role {
            Role::Host(_) => (self.lifetimes.host, false),
            Role::User(_) => (self.lifetimes.user, false),
            Role::Coordinator(_) => (self.lifetimes.coordinator, true),
        };
        if now >= self.not_after {
            return Err(IssueError::AuthorityExpired);
        }
        // Certificates count whole seconds.
        let not_after = whole_seconds(now.plus(life).min(self.not_after));
        let not_before = whole_seconds(earlier(now, self.lifetimes.backdate));
        let identity = Identity { fleet: self.fleet(), role };
        let serial = Serial::random();
        let mut params = params(&identity)?;
        params.serial_number = Some(serial.to_be_bytes().to_vec().into());
        set_validity(&mut params, not_before, not_after);
        let issuer = Issuer::from_ca_cert_der(self.trust.der(), self.key.pair());
        let issuer = issuer.map_err(IssueError::Sign)?;
        let certificate = params.signed_by(key, &issuer).map_err(IssueError::Sign)?;
        let mut chain = vec![CertificateDer::from(certificate)];
        chain.extend(chained.then(|| self.trust.der().clone()));
        let key = crypto::fingerprint(&key.subject_public_key_info());
        Ok(Issued { identity, chain, serial, not_before, not_after, key })
    }
}

impl Issued {
    /// The chain as PEM.
    pub fn chain_pem(&self) -> String {
        pem::certificates(&self.chain)
    }

    /// The chain as bytes, to send.
    pub fn chain_der(&self) -> Vec<Vec<u8>> {
        self.chain.iter().map(|der| der.to_vec()).collect()
    }
}

impl From<IssueError> for Problem {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Csr(error) => error.into(),
            IssueError::AuthorityExpired => Self::new(Code::CertificateExpired, error.to_string())
                .remedy("check the coordinator's clock; otherwise the fleet needs a new authority"),
            IssueError::Key(_) | IssueError::Sign(_) | IssueError::Credentials(_) => {
                Self::new(Code::Internal, chain_text(&error))
            }
        }
    }
}

fn params(identity: &Identity) -> Result<CertificateParams, IssueError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    // For people who look at certificates; programs read the URI.
    params.distinguished_name.push(DnType::CommonName, identity.role.to_string());
    let uri = uri::encode(identity).try_into().map_err(IssueError::Sign)?;
    params.subject_alt_names = vec![SanType::URI(uri)];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    if matches!(identity.role, Role::Coordinator(_)) {
        let name = SERVER_NAME.try_into().map_err(IssueError::Sign)?;
        params.subject_alt_names.push(SanType::DnsName(name));
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// Sets from when until when a certificate is valid; X.509 ends with the year 9999
/// (RFC 5280 §4.1.2.5).
pub(crate) fn set_validity(
    params: &mut CertificateParams,
    not_before: Timestamp,
    not_after: Timestamp,
) {
    const END_OF_9999: u64 = 253_402_300_799;
    let seconds = |time: Timestamp| Duration::from_secs((time.as_millis() / 1000).min(END_OF_9999));
    params.not_before = date_time_ymd(1970, 1, 1) + seconds(not_before);
    params.not_after = date_time_ymd(1970, 1, 1) + seconds(not_after);
}

/// `time` moved back; stops at 1970.
pub(crate) fn earlier(time: Timestamp, by: Duration) -> Timestamp {
    let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
    Timestamp::from_millis(time.as_millis().saturating_sub(by))
}

fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_millis(time.as_millis() / 1000 * 1000)
}
