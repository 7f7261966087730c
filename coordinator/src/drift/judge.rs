//! What changes mean, over the present and over the history that is kept.

use std::collections::BTreeMap;

use tamer_drift::delta::{DeltaChange, What};
use tamer_drift::diff::{Change, FieldChange, apply};
use tamer_drift::finding::{
    Acknowledgement, Comparison, HostDrift, IgnoreRule, Moment, Proposal, Replay, Settings, Window,
    propose, replay,
};
use tamer_drift::{Digest, Resource, ResourceKey};
use tamer_model::{HostId, HostName, Labels, Problem, Timestamp, UserName};

use super::{Drift, Nodes, Past, trees};

/// Steps of the history that are looked at, over all hosts.
const STEPS: usize = 5_000;
/// Changes in them.
const CHANGES: usize = 50_000;

impl Drift {
    /// What decides what changes mean, with what people said of it.
    pub(super) async fn settings(&self) -> Result<Settings, Problem> {
        let ignores = self.rules().await?.into_iter().map(|record| record.rule).collect();
        let acknowledged = self.acknowledged().await?.into_iter();
        let acknowledged = acknowledged.map(|(finding, record)| Acknowledgement {
            finding,
            until: record.until,
            by: record.by,
            note: record.note,
        });
        let acknowledged = acknowledged.collect();
        Ok(Settings { ignores, acknowledged, ..self.inner.settings.clone() })
    }

    /// What a rule would have hidden of the history since a time.
    ///
    /// # Errors
    /// `StoreFailed` when a record of the history is damaged.
    pub async fn replay(&self, rule: &IgnoreRule, since: Timestamp) -> Result<Replay, Problem> {
        let history = self.comparisons(since).await?;
        let hosts: Vec<_> = history.iter().flat_map(|one| &one.hosts).collect();
        let deeds = self.books().behind(&hosts).await?;
        let (settings, rule) = (self.settings().await?, rule.clone());
        self.turn(move || Ok(replay(&history, &deeds, &settings, &rule))).await
    }

    /// Rules that the history since a time suggests.
    ///
    /// # Errors
    /// `StoreFailed` when a record of the history is damaged.
    pub async fn proposals(
        &self,
        since: Timestamp,
        by: &UserName,
    ) -> Result<Vec<Proposal>, Problem> {
        let history = self.comparisons(since).await?;
        let (settings, by) = (self.settings().await?, by.clone());
        self.turn(move || Ok(propose(&history, &settings.rules, &by))).await
    }

    /// Each step of the history as a comparison, the oldest first.
    async fn comparisons(&self, since: Timestamp) -> Result<Vec<Comparison>, Problem> {
        let hosts: Vec<(HostId, HostName, Labels)> = {
            let view = self.fleet().view();
            let of = |member: &crate::fleet::Member| {
                (member.host.id, member.host.name.clone(), member.host.labels.clone())
            };
            view.hosts().map(of).collect()
        };
        let (mut all, mut changes) = (Vec::new(), 0);
        for (host, name, labels) in hosts {
            let Some(root) = self.board().get(host).root() else { continue };
            let past = self.past(host, since).await?;
            let shelf = self.nodes().clone();
            let steps = self.turn(move || steps(&shelf, root, past)).await?;
            for (window, found) in steps {
                if all.len() >= STEPS || changes >= CHANGES {
                    break;
                }
                changes += found.len();
                let drift = HostDrift {
                    host,
                    name: name.clone(),
                    labels: labels.clone(),
                    facts: BTreeMap::new(),
                    changes: found,
                    windows: BTreeMap::new(),
                    held: Vec::new(),
                    gaps: Vec::new(),
                    incomplete: Vec::new(),
                    window,
                };
                let baseline = Moment { name: "history".to_owned(), at: window.from };
                all.push(Comparison { baseline, now: window.to, hosts: vec![drift] });
            }
        }
        all.sort_by_key(|one| one.now);
        Ok(all)
    }
}

/// The changes of each step with the resources before and after them: those after are those before
/// the next step, and of the newest step what the host holds now.
fn steps(
    nodes: &Nodes,
    root: Digest,
    past: Vec<Past>,
) -> Result<Vec<(Window, Vec<Change>)>, Problem> {
    let mut later: BTreeMap<ResourceKey, Option<Resource>> = BTreeMap::new();
    let mut all = Vec::new();
    for Past { record, changes, .. } in past {
        let mut found = Vec::new();
        for DeltaChange { key, what } in changes {
            let after = match later.remove(&key) {
                Some(after) => after,
                None => trees::get(nodes, root, &key)?,
            };
            let Some(before) = before(&what, after.as_ref()) else {
                // A step that was too long to be kept lies between: no further back.
                return Ok(all);
            };
            later.insert(key.clone(), before.clone());
            found.push(Change { key, before, after });
        }
        if !found.is_empty() {
            let from = record.since.unwrap_or(record.at).min(record.at);
            all.push((Window { from, to: record.at }, found));
        }
        if record.anchor().is_some() {
            return Ok(all);
        }
    }
    Ok(all)
}

/// The resource before a change; none when the change does not fit what came after.
fn before(what: &What, after: Option<&Resource>) -> Option<Option<Resource>> {
    match (what, after) {
        (What::Created(_), Some(_)) => Some(None),
        (What::Deleted(before), None) => Some(Some(Resource::clone(before))),
        (What::Changed(fields), Some(after)) => {
            let back = |field: &FieldChange| FieldChange {
                path: field.path.clone(),
                before: field.after.clone(),
                after: field.before.clone(),
            };
            let back: Vec<_> = fields.iter().map(back).collect();
            apply(after, &back).ok().map(Some)
        }
        (What::Created(_), None) | (What::Deleted(_), Some(_)) | (What::Changed(_), None) => None,
    }
}
