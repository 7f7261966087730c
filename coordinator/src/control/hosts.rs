//! Hosts.

use tamer_certs::join_code;
use tamer_model::{
    Code, Cordon, Host, HostState, JoinedBy, LabelKey, MAX_LABELS, Problem, Selector, Timestamp,
};
use tamer_proto::{HostView, labels_in, wire};
use tamer_store::Commit;

use super::{Asker, People};
use crate::enrol::join;
use crate::fleet::{Member, View};
use crate::state::{Credential, PendingHost, Revoked, Unstorable, encode, keys};
use crate::{audit, clock};

/// The longest reason of a cordon, in bytes.
pub(super) const MAX_REASON: usize = 1024;
/// Hosts to a page unless the caller wants fewer.
const PAGE: usize = 1000;

impl People {
    pub(super) fn hosts(
        &self,
        request: wire::ListHostsRequest,
    ) -> Result<wire::ListHostsResponse, Problem> {
        let wire::ListHostsRequest { selector, name, limit, page_token, include_pending } = request;
        let view = self.fleet.view();
        if !name.is_empty() {
            let host = match view.find(&name) {
                Ok(member) => self.show(&view, member),
                Err(unknown) => self
                    .show_pending(view.find_pending(&name).map(|(p, _)| p).map_err(|_| unknown)?),
            };
            return Ok(wire::ListHostsResponse {
                hosts: vec![host],
                next_page_token: String::new(),
            });
        }
        let selector: Selector =
            if selector.is_empty() { Selector::default() } else { selector.parse()? };
        let limit = if limit == 0 { PAGE } else { PAGE.min(limit as usize) };
        let mut members = view.select(&selector);
        members.retain(|member| member.host.name.as_str() > page_token.as_str());
        let more = members.len() > limit;
        members.truncate(limit);
        let next = members.last().filter(|_| more).map(|member| member.host.name.to_string());
        let mut hosts: Vec<_> =
            members.into_iter().map(|member| self.show(&view, member)).collect();
        if include_pending && !more {
            hosts.extend(view.pending().map(|(pending, _)| self.show_pending(pending)));
        }
        Ok(wire::ListHostsResponse { hosts, next_page_token: next.unwrap_or_default() })
    }

    fn show(&self, view: &View, member: &Member) -> wire::Host {
        let Member { host, status, .. } = member;
        let live = self.sessions.get(host.id).filter(|_| status.state == HostState::Ready);
        let last_seen = live.map_or(status.last_seen, |live| {
            let silent = clock::steady().saturating_sub(live.heard());
            Timestamp::from_millis(clock::now().as_millis().saturating_sub(silent))
        });
        let (providers, instances) = (view.providers(host.id), view.count_instances(host.id));
        HostView { host, status, last_seen, providers, instances }.into()
    }

    fn show_pending(&self, pending: &PendingHost) -> wire::Host {
        let PendingHost { id, name, key, facts, agent_version, asked_at, peer } = pending.clone();
        wire::Host {
            id: id.to_string(),
            name: name.to_string(),
            state: HostState::Pending.as_str().to_owned(),
            facts: Some(facts.into()),
            agent_version,
            last_seen: asked_at.as_millis(),
            state_since: asked_at.as_millis(),
            peer,
            join_code: join_code(self.authority.fingerprint(), key),
            ..wire::Host::default()
        }
    }

    pub(super) async fn label(
        &self,
        asker: &Asker,
        request: wire::LabelHostRequest,
    ) -> Result<wire::Host, Problem> {
        let wire::LabelHostRequest { host, set, remove } = request;
        let member = self.fleet.view().find(&host)?.clone();
        let set = labels_in(set)?;
        let remove = remove.into_iter().map(LabelKey::try_from).collect::<Result<Vec<_>, _>>()?;
        let detail = format!("set={} remove={}", set.len(), remove.len());
        let mut changed = member.host.clone();
        changed.labels.retain(|key, _| !remove.contains(key));
        changed.labels.extend(set);
        if changed.labels.len() > MAX_LABELS {
            return Err(Problem::field("labels", format!("a host may have {MAX_LABELS} labels")));
        }
        let commit = Commit::new()
            .modified_at(keys::host(changed.id), member.host_at)
            .put(keys::host(changed.id), encode(&changed));
        let commit = audit::done(commit, &asker.caller, "host.label", changed.id, detail);
        self.commit_and_show(commit, &changed).await
    }

    pub(super) async fn cordon(
        &self,
        asker: &Asker,
        request: wire::CordonHostRequest,
    ) -> Result<wire::Host, Problem> {
        let wire::CordonHostRequest { host, cordoned, reason } = request;
        if reason.len() > MAX_REASON {
            return Err(Problem::field("reason", format!("longer than {MAX_REASON} bytes")));
        }
        let member = self.fleet.view().find(&host)?.clone();
        let mut changed = member.host.clone();
        let cordon = Cordon { by: asker.name.clone(), at: clock::now(), reason };
        changed.cordon = cordoned.then_some(cordon);
        if !cordoned {
            // A host that takes work again is not drained.
            changed.drain = None;
        }
        let what = if cordoned { "host.cordon" } else { "host.uncordon" };
        let commit = Commit::new()
            .modified_at(keys::host(changed.id), member.host_at)
            .put(keys::host(changed.id), encode(&changed));
        let commit = audit::done(commit, &asker.caller, what, changed.id, "");
        self.commit_and_show(commit, &changed).await
    }

    pub(super) async fn approve(
        &self,
        asker: &Asker,
        request: wire::ApproveHostRequest,
    ) -> Result<wire::Host, Problem> {
        let wire::ApproveHostRequest { host, join_code: told, labels } = request;
        let (pending, at) = self.fleet.view().find_pending(&host)?.clone();
        let code = join_code(self.authority.fingerprint(), pending.key);
        if !told.trim().eq_ignore_ascii_case(&code) {
            return Err(Problem::new(
                Code::WrongState,
                "the join code is not the one of the host that asks",
            )
            .on("join_code")
            .remedy(
                "compare it with what the agent prints; if they differ, somebody else is asking",
            ));
        }
        if self.fleet.view().is_taken(&pending.name) {
            return Err(Problem::new(
                Code::Conflict,
                format!("a host is called {} already", pending.name),
            )
            .remedy("start the agent with another --name"));
        }
        let PendingHost { id, name, key, facts, agent_version, .. } = pending;
        let now = clock::now();
        let host = Host {
            id,
            name,
            labels: labels_in(labels)?,
            facts,
            agent_version,
            joined_at: now,
            joined_by: JoinedBy::Approval(asker.name.clone()),
            key,
            next_key: None,
            cordon: None,
            drain: None,
            // It has none yet: it gets one when it asks again.
            certificate_ends: now,
            clock_ahead_ms: 0,
        };
        let commit = join(&host).modified_at(keys::pending(&key), at).delete(keys::pending(&key));
        let commit = audit::done(commit, &asker.caller, "host.approve", id, &host.name);
        self.commit_and_show(commit, &host).await
    }

    async fn commit_and_show(&self, commit: Commit, host: &Host) -> Result<wire::Host, Problem> {
        let revision = self.store.commit(commit).await.map_err(Unstorable::problem)?;
        self.fleet.reached(revision).await;
        // Its labels say of which reports it is.
        self.drift.board().tell();
        let view = self.fleet.view();
        view.host(host.id)
            .map(|member| self.show(&view, member))
            .ok_or_else(|| Problem::new(Code::Conflict, "the host was removed at this moment"))
    }

    pub(super) async fn remove(
        &self,
        asker: &Asker,
        host: &str,
    ) -> Result<wire::RemoveHostResponse, Problem> {
        let member = self.fleet.view().find(host).cloned();
        let member = match member {
            Ok(member) => member,
            Err(unknown) => return self.refuse_pending(asker, host).await.unwrap_or(Err(unknown)),
        };
        let Host { id, name, key, next_key, .. } = member.host;
        let keys_of = [Some(key), next_key].into_iter().flatten().map(|key| Credential { key });
        let revoked = Revoked {
            name: name.clone(),
            by: asker.name.clone(),
            at: clock::now(),
            keys: keys_of.collect(),
        };
        let commit = Commit::new()
            .modified_at(keys::host(id), member.host_at)
            .put(keys::revoked(id), encode(&revoked))
            .delete(keys::host(id))
            .delete(keys::name(&name))
            .delete(keys::status(id));
        let commit = audit::done(commit, &asker.caller, "host.rm", id, &name);
        let revision = self.store.commit(commit).await.map_err(Unstorable::problem)?;
        self.fleet.reached(revision).await;
        // Reports that were made before say that it is there.
        self.drift.board().tell();
        if let Some(live) = self.sessions.get(id) {
            live.close(Code::HostRevoked.as_str(), "this host was removed from the fleet");
        }
        Ok(wire::RemoveHostResponse { id: id.to_string(), name: name.to_string() })
    }

    /// Removing a host that waits refuses it.
    async fn refuse_pending(
        &self,
        asker: &Asker,
        host: &str,
    ) -> Option<Result<wire::RemoveHostResponse, Problem>> {
        let (pending, at) = self.fleet.view().find_pending(host).ok()?.clone();
        let key = keys::pending(&pending.key);
        let commit = Commit::new().modified_at(key.clone(), at).delete(key);
        let commit = audit::done(commit, &asker.caller, "host.refuse", pending.id, &pending.name);
        let done = self.store.commit(commit).await.map_err(Unstorable::problem);
        if let Ok(revision) = &done {
            self.fleet.reached(*revision).await;
        }
        Some(done.map(|_| wire::RemoveHostResponse {
            id: pending.id.to_string(),
            name: pending.name.to_string(),
        }))
    }
}
