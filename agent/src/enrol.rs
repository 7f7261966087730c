//! Joining a fleet: find a coordinator, check its CA before anything is sent, get a certificate.
//!
//! `run` calls [`join`] when the host has no identity, and [`readmit`] when its certificate ran out
//! while it slept. The key is saved before the first call and is the request's lasting name, so a
//! call that is repeated is the same request.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tamer_certs::{
    Credentials, HostKey, JoinToken, PinError, PinnedCa, join_code, pinned_client_config,
    unpinned_client_config,
};
use tamer_model::{Code, Facts, Fingerprint, Problem};
use tamer_proto::{MAX_MESSAGE, problem_of, wire};
use tokio::time::{sleep, timeout};

use crate::backoff::Backoff;
use crate::config::Config;
use crate::dial::{DialError, dial};
use crate::identity::IdentityFiles;
use crate::problem::chain;
use crate::{find, platform};

/// How long one call may take.
const CALL: Duration = Duration::from_secs(15);
/// Bounds of how long to wait for an approval before asking again, whatever the coordinator says.
const ASK_AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// What joining needs.
#[derive(Debug)]
pub struct Joining<'a> {
    /// How the agent was told to join.
    pub config: &'a Config,
    /// Where the identity goes.
    pub files: &'a IdentityFiles,
    /// What the host says of itself.
    pub facts: Facts,
}

/// How one call to one address ended.
enum Answer {
    Issued(Vec<Vec<u8>>),
    Pending(Duration),
    /// The fleet said no, and will say no again.
    Refused(Problem),
    /// A coordinator of another fleet, or somebody who says to be one.
    Rogue(Fingerprint, Problem),
    /// Worth another attempt.
    Failed(Problem),
}

/// How the CA is to be known.
#[derive(Debug, Clone, Copy)]
enum Pin {
    To(Fingerprint),
    Any,
}

/// Joins; returns when the host has an identity, or with the problem that makes it pointless to go
/// on trying.
pub async fn join(joining: Joining<'_>) -> Result<Credentials, Problem> {
    let Joining { config, files, facts } = joining;
    let pin = match (&config.token, config.ask_to_join, config.ca) {
        (Some(token), _, Some(ca)) if token.ca != ca => {
            return Err(Problem::new(
                Code::CaMismatch,
                "the join token is of another fleet than the one that `ca` names",
            )
            .on("ca")
            .remedy("leave `ca` out, or use a token of that fleet"));
        }
        (Some(token), _, _) => Pin::To(token.ca),
        (None, true, Some(ca)) => Pin::To(ca),
        (None, true, None) => Pin::Any,
        (None, false, _) => {
            return Err(Problem::new(Code::ConfigInvalid, "this host has not joined a fleet, and there is no join token")
                .on("token")
                .remedy("put the text that `tamerctl token create` printed into TAMER_TOKEN or a file named by --token-file, or use --ask-to-join"));
        }
    };
    let key = files.join_key()?;
    let request = request(config, facts, &key)?;
    let chain = Rounds::new(config, files, &key, pin).until_issued(request).await?;
    files.joined(&chain, key)
}

/// Asks for another certificate with the key of one that ran out.
pub async fn readmit(joining: Joining<'_>, expired: &Credentials) -> Result<Credentials, Problem> {
    let Joining { config, files, facts } = joining;
    let trust = crate::identity::trust_of(expired)?;
    let copy = || HostKey::from_pem(&expired.key().to_pem()).map_err(internal);
    let key = copy()?;
    let mut request = request(config, facts, &key)?;
    // The key alone says who asks; the token was for the first time.
    (request.token_id, request.token_secret) = (String::new(), Vec::new());
    let pin = Pin::To(trust.fingerprint());
    let chain = Rounds::new(config, files, &key, pin).until_issued(request).await?;
    files.joined(&chain, key)
}

fn request(config: &Config, facts: Facts, key: &HostKey) -> Result<wire::EnrolRequest, Problem> {
    let (token_id, token_secret) = match &config.token {
        Some(JoinToken { id, secret, .. }) => (id.to_string(), secret.expose().to_vec()),
        None => (String::new(), Vec::new()),
    };
    let name = config.name.as_ref().map_or_else(|| facts.hostname.clone(), ToString::to_string);
    Ok(wire::EnrolRequest {
        csr: key.csr_der().map_err(internal)?,
        token_id,
        token_secret,
        name,
        agent_version: crate::VERSION.to_owned(),
        facts: Some(facts.into()),
    })
}

fn internal(error: tamer_certs::HostKeyError) -> Problem {
    Problem::new(Code::Internal, chain(&error))
}

/// Rounds over the addresses until one of them issues a certificate.
struct Rounds<'a> {
    config: &'a Config,
    files: &'a IdentityFiles,
    key: &'a HostKey,
    tls: Arc<ClientConfig>,
    ca: PinnedCa,
    pin: Pin,
    /// Rogues that were logged: each once.
    logged: BTreeSet<Fingerprint>,
    told_code: bool,
}

impl<'a> Rounds<'a> {
    fn new(config: &'a Config, files: &'a IdentityFiles, key: &'a HostKey, pin: Pin) -> Self {
        let (tls, ca) = match pin {
            Pin::To(fingerprint) => pinned_client_config(fingerprint),
            Pin::Any => unpinned_client_config(),
        };
        let (logged, told_code) = (BTreeSet::new(), false);
        Self { config, files, key, tls: Arc::new(tls), ca, pin, logged, told_code }
    }

    async fn until_issued(mut self, request: wire::EnrolRequest) -> Result<Vec<Vec<u8>>, Problem> {
        let mut backoff = Backoff::new(self.config.redial_longest);
        let mut quiet = Quiet::default();
        loop {
            let known = find::known(self.config, self.files);
            let mut failures = Vec::new();
            for address in &known {
                match self.ask(address, &request).await? {
                    Turn::Issued(chain) => return Ok(chain),
                    Turn::Failed(problem) => failures.push(problem),
                }
            }
            let found = self.discovered(&known).await?;
            for address in &found {
                match self.ask(address, &request).await? {
                    Turn::Issued(chain) => return Ok(chain),
                    Turn::Failed(problem) => failures.push(problem),
                }
            }
            // Every address that was configured showed another fleet: trying again is in vain.
            if found.is_empty()
                && let Some(problem) = only_rogues(&failures)
            {
                return Err(problem);
            }
            let wait = backoff.next(fastrand::f64());
            quiet.log(&failures, wait);
            platform::notify_status("looking for a coordinator");
            sleep(wait).await;
        }
    }

    /// Addresses that the network shows. Without a pin, several fleets are a question for a person.
    async fn discovered(&self, known: &[String]) -> Result<Vec<String>, Problem> {
        let wanted = match self.pin {
            Pin::To(ca) => Some(ca),
            Pin::Any => self.ca.trust().map(|trust| trust.fingerprint()),
        };
        let found = find::discovered(self.config, wanted).await;
        match find::several_fleets(&found) {
            Some(problem) if wanted.is_none() => Err(problem),
            _ => Ok(find::addresses(&found, known)),
        }
    }

    /// One address, for as long as it says that the request is pending.
    async fn ask(&mut self, address: &str, request: &wire::EnrolRequest) -> Result<Turn, Problem> {
        loop {
            match self.call(address, request.clone()).await {
                Answer::Issued(chain) => {
                    self.files.remember_address(address);
                    return Ok(Turn::Issued(chain));
                }
                Answer::Pending(wait) => {
                    self.tell_code(address);
                    sleep(wait.clamp(ASK_AGAIN.0, ASK_AGAIN.1)).await;
                }
                Answer::Refused(problem) => return Err(problem),
                Answer::Rogue(fingerprint, problem) => {
                    if self.logged.insert(fingerprint) {
                        tracing::warn!(%address, %fingerprint, "skipped: {problem}");
                    }
                    return Ok(Turn::Failed(problem));
                }
                Answer::Failed(problem) => return Ok(Turn::Failed(problem)),
            }
        }
    }

    async fn call(&self, address: &str, request: wire::EnrolRequest) -> Answer {
        let (channel, _) = match dial(address, self.tls.clone()).await {
            Ok(dialled) => dialled,
            Err(error) => return self.not_reached(address, error),
        };
        let mut client = wire::enrolment_client::EnrolmentClient::new(channel)
            .max_decoding_message_size(MAX_MESSAGE);
        let response = match timeout(CALL, client.enrol(request)).await {
            Ok(Ok(response)) => response.into_inner(),
            Ok(Err(status)) => return refused_or_failed(problem_of(&status)),
            Err(_) => {
                let text = format!("{address} did not answer within {} s", CALL.as_secs());
                return Answer::Failed(Problem::new(Code::Unreachable, text));
            }
        };
        match response.result {
            Some(wire::enrol_response::Result::Issued(issued)) => {
                tracing::info!(
                    host = issued.host,
                    fleet = issued.fleet,
                    name = issued.name,
                    "joined"
                );
                Answer::Issued(issued.chain)
            }
            Some(wire::enrol_response::Result::Pending(pending)) => {
                Answer::Pending(Duration::from_millis(pending.retry_after_ms))
            }
            None => Answer::Failed(
                Problem::new(Code::VersionUnsupported, "an answer that this agent does not know")
                    .remedy("update the agent"),
            ),
        }
    }

    fn not_reached(&self, address: &str, error: DialError) -> Answer {
        let pin = match &error {
            DialError::Tls { .. } => self.ca.error(),
            DialError::Connect { .. } | DialError::Http { .. } => None,
        };
        let Some(pin) = pin else {
            let problem = Problem::new(Code::Unreachable, chain(&error))
                .remedy("check the address, and that the coordinator runs and its port is open");
            return Answer::Failed(problem);
        };
        let seen = match &pin {
            PinError::OtherAuthority { seen, expected } => seen.last().unwrap_or(expected),
            PinError::NotAnAuthority { certificate, .. } => certificate,
            PinError::NotACoordinator { ca, .. } => ca,
            PinError::NoAuthority => &Fingerprint::from_bytes([0; 32]),
        };
        let problem = Problem::new(Code::CaMismatch, format!("{address}: {}", chain(&pin)))
            .on("token")
            .remedy("use a token that this coordinator's fleet made, or give the right address");
        Answer::Rogue(*seen, problem)
    }

    /// Prints, once, what the person who approves compares.
    fn tell_code(&mut self, address: &str) {
        let Some(trust) = self.ca.trust() else { return };
        if !std::mem::replace(&mut self.told_code, true) {
            let code = join_code(trust.fingerprint(), self.key.fingerprint());
            let (fleet, ca) = (trust.fleet(), trust.fingerprint());
            tracing::info!(%address, %fleet, %ca, join_code = code, "asked to join; waiting for approval: compare the code with what `tamerctl host ls` shows, then `tamerctl host approve`");
            platform::notify_status(&format!("waiting for approval, join code {code}"));
            platform::notify_ready();
        }
    }
}

enum Turn {
    Issued(Vec<Vec<u8>>),
    Failed(Problem),
}

/// Whether saying it again could change the answer.
fn refused_or_failed(problem: Problem) -> Answer {
    match crate::problem::exit_code(problem.code) {
        2 | 3 if problem.code != Code::Unreachable => Answer::Refused(problem),
        _ => Answer::Failed(problem),
    }
}

fn only_rogues(failures: &[Problem]) -> Option<Problem> {
    let rogues = failures.iter().all(|problem| problem.code == Code::CaMismatch);
    failures.first().filter(|_| rogues).cloned()
}

/// Logs that nobody was reached when the reason changes, not at every attempt.
#[derive(Debug, Default)]
struct Quiet(Option<String>);

impl Quiet {
    fn log(&mut self, failures: &[Problem], wait: Duration) {
        let why = match failures.last() {
            Some(problem) => problem.to_string(),
            None => "no coordinator was found on the local network".to_owned(),
        };
        if self.0.as_ref() != Some(&why) {
            tracing::warn!(retry_in = ?wait, "no coordinator to join yet: {why}");
            self.0 = Some(why);
        }
    }
}
