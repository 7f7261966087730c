//! Enrolment: the one call that answers without a certificate.
//!
//! The public key in the request is the caller's lasting name, so every path is idempotent: the
//! same key asks the same thing however often it asks.

use std::sync::Arc;
use std::time::Duration;

use tamer_certs::{Authority, Secret, join_code};
use tamer_model::{
    Code, Facts, Fingerprint, FleetId, Host, HostId, HostName, HostState, HostStatus, JoinedBy,
    Labels, Problem, Timestamp, TokenId,
};
use tamer_proto::wire::enrolment_server::Enrolment;
use tamer_proto::{Required, status_of, wire};
use tamer_store::{Commit, Store};
use tokio::sync::Mutex;
use tonic::{Request, Response, Status};
use tracing::info;

use crate::audit::{self, Refusals};
use crate::caller::{Caller, caller};
use crate::clock;
use crate::fleet::Fleet;
use crate::state::{PendingHost, Unstorable, encode, keys};

/// How often an agent without a token asks again.
const ASK_AGAIN: Duration = Duration::from_secs(3);
/// The most hosts that can wait for approval. Anybody can ask, so the number is small.
const MAX_PENDING: usize = 256;
/// A request that was not repeated for this long gives its place to another.
const PENDING_STALE: Duration = Duration::from_secs(3600);
/// How long after the end of its certificate a host that slept is let in again by its key alone.
const READMIT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Lets hosts into the fleet.
#[derive(Clone)]
pub struct Enrol {
    store: Store,
    fleet: Fleet,
    fleet_id: FleetId,
    authority: Arc<Authority>,
    refusals: Refusals,
    /// One enrolment at a time: uses of a token are counted, and names are given, one after the
    /// other. Signing is fast beside the commit that each needs.
    turn: Arc<Mutex<()>>,
}

/// A request whose fields were checked.
struct Ask {
    csr: Vec<u8>,
    key: Fingerprint,
    token: Option<(TokenId, Vec<u8>)>,
    name: HostName,
    agent_version: String,
    facts: Facts,
}

impl TryFrom<wire::EnrolRequest> for Ask {
    type Error = Problem;

    fn try_from(request: wire::EnrolRequest) -> Result<Self, Problem> {
        let wire::EnrolRequest { csr, token_id, token_secret, name, agent_version, facts } =
            request;
        let key = tamer_certs::csr_key_fingerprint(&csr)
            .map_err(|error| Problem::new(Code::CsrInvalid, error.to_string()).on("csr"))?;
        let token = if token_id.is_empty() {
            None
        } else {
            let id = token_id.parse().map_err(|error: tamer_model::InvalidId| {
                Problem::new(Code::TokenMalformed, error.to_string()).on("token_id")
            })?;
            Some((id, token_secret))
        };
        if agent_version.len() > 64 {
            return Err(Problem::field("agent_version", "longer than 64 bytes"));
        }
        let facts: Facts = facts.required("facts")?.try_into()?;
        Ok(Self { csr, key, token, name: HostName::nearest(&name), agent_version, facts })
    }
}

impl Enrol {
    pub fn new(
        store: Store,
        fleet: Fleet,
        fleet_id: FleetId,
        authority: Arc<Authority>,
        refusals: Refusals,
    ) -> Self {
        Self { store, fleet, fleet_id, authority, refusals, turn: Arc::default() }
    }

    async fn answer(&self, ask: Ask, caller: &Caller) -> Result<wire::EnrolResponse, Problem> {
        let _turn = self.turn.lock().await;
        if self.fleet.view().is_revoked_key(&ask.key) {
            return Err(Problem::new(Code::HostRevoked, "this host was removed from the fleet")
                .remedy("to join again, delete the agent's data folder and use a new token"));
        }
        let known = self.fleet.view().host_by_key(&ask.key).map(|member| member.host.clone());
        if let Some(host) = known {
            return self.readmit(ask, host, caller).await;
        }
        match &ask.token {
            Some((id, secret)) => {
                let labels = self.spend(*id, secret)?;
                self.admit(ask, labels, caller).await
            }
            None => self.wait(ask, caller).await,
        }
    }

    /// Checks a token; its use is counted in the commit that admits the host.
    fn spend(&self, id: TokenId, secret: &[u8]) -> Result<Labels, Problem> {
        let token = self.fleet.view().token(id).map(|(token, _)| token.clone());
        // A token that is not there costs the same comparison as one that is.
        let nobody = || Secret::from_bytes([0; 32]).hash();
        let hash = token.as_ref().map_or_else(nobody, |token| token.hash.clone());
        let good = <[u8; 32]>::try_from(secret)
            .is_ok_and(|secret| hash.verify(&Secret::from_bytes(secret)));
        let unknown = Problem::new(Code::TokenUnknown, "the fleet knows no such join token")
            .on("token")
            .remedy("make one with `tamerctl token create`");
        let token = token.filter(|_| good).ok_or(unknown)?;
        let again = "make a new one with `tamerctl token create`";
        if token.expires_at <= clock::now() {
            return Err(Problem::new(Code::TokenExpired, "the join token has expired")
                .on("token")
                .remedy(again));
        }
        if token.used >= token.uses {
            let text = format!("the join token was for {} and has no use left", hosts(token.uses));
            return Err(Problem::new(Code::TokenUsedUp, text).on("token").remedy(again));
        }
        Ok(token.labels)
    }

    async fn admit(
        &self,
        ask: Ask,
        labels: Labels,
        caller: &Caller,
    ) -> Result<wire::EnrolResponse, Problem> {
        let Some((token_id, _)) = ask.token else {
            return Err(Problem::new(Code::Internal, "a host was admitted without a token"));
        };
        let pending = self.fleet.view().pending_by_key(&ask.key).map(|(pending, _)| pending.id);
        let id = pending.unwrap_or_else(|| HostId::from_bytes(clock::random()));
        let name = self.free_name(&ask.name);
        let issued = self.issue(&ask.csr, id)?;
        let host = new_host(id, name, labels, &ask, JoinedBy::Token(token_id), issued.not_after);
        let token = self.fleet.view().token(token_id).cloned();
        let Some((mut token, token_at)) = token else {
            return Err(Problem::new(
                Code::TokenUnknown,
                "the join token was revoked at this moment",
            )
            .on("token"));
        };
        token.used += 1;
        let mut commit = join(&host)
            .modified_at(keys::token(token_id), token_at)
            .put(keys::token(token_id), encode(&token));
        if pending.is_some() {
            commit = commit.delete(keys::pending(&ask.key));
        }
        let commit = audit::done_by(
            commit,
            format!("token/{token_id}"),
            caller,
            "host.join",
            id,
            &host.name,
        );
        let revision = self.store.commit(commit).await.map_err(Unstorable::problem)?;
        self.fleet.reached(revision).await;
        info!(host = %id, name = %host.name, from = %caller.from, "a host joined");
        Ok(self.granted(&host, &issued))
    }

    /// A host of the fleet asks again: its answer was lost, its certificate ran out while it slept,
    /// or a person has approved it.
    async fn readmit(
        &self,
        ask: Ask,
        host: Host,
        caller: &Caller,
    ) -> Result<wire::EnrolResponse, Problem> {
        if clock::now().since(host.certificate_ends) > READMIT {
            return Err(Problem::new(Code::CertificateExpired, "the host's certificate ended more than 30 days ago")
                .remedy("remove the host with `tamerctl host rm`, delete the agent's data folder and join again"));
        }
        let issued = self.issue(&ask.csr, host.id)?;
        let host = Host { certificate_ends: issued.not_after, ..host };
        let at = self.fleet.view().host(host.id).map(|member| member.host_at);
        let commit = Commit::new()
            .modified_at(keys::host(host.id), at.unwrap_or_default())
            .put(keys::host(host.id), encode(&host));
        let commit = audit::done_by(
            commit,
            format!("host/{}", host.id),
            caller,
            "host.readmit",
            host.id,
            &host.name,
        );
        let revision = self.store.commit(commit).await.map_err(Unstorable::problem)?;
        self.fleet.reached(revision).await;
        Ok(self.granted(&host, &issued))
    }

    /// Notes a host that asks without a token, for a person to approve.
    async fn wait(&self, ask: Ask, caller: &Caller) -> Result<wire::EnrolResponse, Problem> {
        let code = join_code(self.authority.fingerprint(), ask.key);
        let known = self.fleet.view().pending_by_key(&ask.key).cloned();
        let now = clock::now();
        let fresh = known
            .as_ref()
            .is_some_and(|(pending, _)| now.since(pending.asked_at) < PENDING_STALE / 4);
        if !fresh {
            let id = known
                .as_ref()
                .map_or_else(|| HostId::from_bytes(clock::random()), |(pending, _)| pending.id);
            let mut commit = Commit::new();
            if known.is_none()
                && let Some(stale) = self.make_room(now)?
            {
                commit = commit.delete(keys::pending(&stale));
            }
            let Ask { key, name, agent_version, facts, .. } = ask;
            let pending = PendingHost {
                id,
                name,
                key,
                facts,
                agent_version,
                asked_at: now,
                peer: caller.from.to_string(),
            };
            let commit = commit.put(keys::pending(&key), encode(&pending));
            let revision = self.store.commit(commit).await.map_err(Unstorable::problem)?;
            self.fleet.reached(revision).await;
            info!(name = %pending.name, from = %caller.from, code, "a host asks to join");
        }
        let retry_after_ms = ASK_AGAIN.as_millis() as u64;
        let pending = wire::Pending { join_code: code, retry_after_ms };
        Ok(wire::EnrolResponse { result: Some(wire::enrol_response::Result::Pending(pending)) })
    }

    /// Makes sure that one more can wait: the one to forget for it, if there must be one.
    fn make_room(&self, now: Timestamp) -> Result<Option<Fingerprint>, Problem> {
        let view = self.fleet.view();
        if view.pending().len() < MAX_PENDING {
            return Ok(None);
        }
        let oldest =
            view.pending().map(|(pending, _)| pending).min_by_key(|pending| pending.asked_at);
        match oldest {
            Some(oldest) if now.since(oldest.asked_at) > PENDING_STALE => Ok(Some(oldest.key)),
            _ => Err(Problem::new(
                Code::Busy,
                format!("{MAX_PENDING} hosts wait for approval already"),
            )
            .remedy("approve or remove some, or join with a token")),
        }
    }

    fn issue(&self, csr: &[u8], id: HostId) -> Result<tamer_certs::Issued, Problem> {
        self.authority
            .issue_host(csr, id, clock::now())
            .map_err(|error| Problem::new(Code::CsrInvalid, error.to_string()).on("csr"))
    }

    fn free_name(&self, wanted: &HostName) -> HostName {
        let view = self.fleet.view();
        if !view.is_taken(wanted) {
            return wanted.clone();
        }
        (2u32..)
            .map(|n| HostName::nearest(&format!("{wanted}-{n}")))
            .find(|name| !view.is_taken(name))
            .unwrap_or_else(|| wanted.clone())
    }

    fn granted(&self, host: &Host, issued: &tamer_certs::Issued) -> wire::EnrolResponse {
        let issued = wire::Issued {
            host: host.id.to_string(),
            fleet: self.fleet_id.to_string(),
            name: host.name.to_string(),
            chain: with_ca(issued, &self.authority),
        };
        wire::EnrolResponse { result: Some(wire::enrol_response::Result::Issued(issued)) }
    }
}

/// A host that nobody has heard yet.
fn new_host(
    id: HostId,
    name: HostName,
    labels: Labels,
    ask: &Ask,
    joined_by: JoinedBy,
    ends: Timestamp,
) -> Host {
    Host {
        id,
        name,
        labels,
        facts: ask.facts.clone(),
        agent_version: ask.agent_version.clone(),
        joined_at: clock::now(),
        joined_by,
        key: ask.key,
        next_key: None,
        cordon: None,
        drain: None,
        certificate_ends: ends,
        clock_ahead_ms: 0,
    }
}

/// What a host is sent: its certificate, and the CA's last.
pub fn with_ca(issued: &tamer_certs::Issued, authority: &Authority) -> Vec<Vec<u8>> {
    let mut chain = issued.chain_der();
    chain.push(authority.trust().der().to_vec());
    chain
}

/// The commit that makes a host part of the fleet.
pub fn join(host: &Host) -> Commit {
    let status = HostStatus {
        state: HostState::Lost,
        since: host.joined_at,
        last_seen: host.joined_at,
        peer: String::new(),
        journal: None,
    };
    Commit::new()
        .absent(keys::host(host.id))
        .absent(keys::name(&host.name))
        .put(keys::host(host.id), encode(host))
        .put(keys::name(&host.name), encode(&host.id))
        .put(keys::status(host.id), encode(&status))
}

fn hosts(uses: u32) -> String {
    if uses == 1 { "one host".to_owned() } else { format!("{uses} hosts") }
}

#[tonic::async_trait]
impl Enrolment for Enrol {
    async fn enrol(
        &self,
        request: Request<wire::EnrolRequest>,
    ) -> Result<Response<wire::EnrolResponse>, Status> {
        let caller = caller(&request)?;
        let on = request.get_ref().name.chars().take(64).collect::<String>();
        let answer = match Ask::try_from(request.into_inner()) {
            Ok(ask) => self.answer(ask, &caller).await,
            Err(problem) => Err(problem),
        };
        answer.map(Response::new).map_err(|problem| {
            self.refusals.tell(&caller, "host.join", on, problem.code, &problem.message);
            status_of(problem)
        })
    }
}
