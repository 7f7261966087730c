//! Accepting: the pictures of a baseline with some changes carried out, as a snapshot of its own, and
//! that as the next version. What was not accepted stays as it was.

use std::collections::{BTreeMap, BTreeSet};

use tamer_drift::{Resource, ResourceKey};
use tamer_model::{BaselineName, Code, FindingId, HostId, Problem, UserName};

use super::baselines::{self, Setting};
use super::compare::{Against, Asked, Drifted};
use super::record::{BaselineRecord, Named, SnapshotRecord};
use super::snapshots::{self, Taken, Wanted};
use super::{Drift, trees};

/// What is accepted.
#[derive(Debug, Clone)]
pub struct Accepting {
    pub baseline: BaselineName,
    /// None: every finding there is, the hosts that are not in the baseline, and that those which
    /// were removed from the fleet are in it no more.
    pub findings: Option<Vec<FindingId>>,
    pub note: String,
    /// The baseline's version that was looked at.
    pub expected: Option<u32>,
}

/// What each resource of a host is from now on.
type Edits = BTreeMap<HostId, BTreeMap<ResourceKey, Option<Resource>>>;

impl Drift {
    /// Makes what was found right. The earlier version of the baseline stays as it is.
    ///
    /// # Errors
    /// `NotFound` for a finding that is not there now, `Conflict` when the baseline is at another
    /// version than was looked at.
    pub async fn accept(
        &self,
        accepting: Accepting,
        by: &UserName,
        (taken, set): (snapshots::Audited<'_>, baselines::Audited<'_>),
    ) -> Result<(BaselineRecord, SnapshotRecord), Problem> {
        let Accepting { baseline: name, findings, note, expected } = accepting;
        let baseline = self.baseline(&name).await?;
        let version = baseline.record.version;
        if expected.is_some_and(|expected| expected != version) {
            let message = format!("{name} is at version {version}");
            return Err(Problem::new(Code::Conflict, message)
                .on("expected")
                .remedy("look at the drift from that one, and accept again"));
        }
        let asked = Asked {
            against: Against::Baseline(name.clone()),
            selector: tamer_model::Selector::default(),
        };
        let drifted = self.drifted(&asked).await?;
        if drifted.version != Some(version) {
            return Err(Problem::new(Code::Conflict, format!("{name} was set meanwhile"))
                .on("baseline")
                .remedy("look at the drift from the new one, and accept again"));
        }
        let (edits, ids) = edits(&drifted, findings.as_deref())?;
        let all = findings.is_none();
        let moved = !drifted.strangers.is_empty() || !drifted.gone.is_empty();
        if edits.is_empty() && !(all && moved) {
            return Err(Problem::new(Code::WrongState, "there is nothing to accept")
                .remedy("`tamerctl drift` shows what there is"));
        }
        let hosts = self.edited(&drifted, edits, all).await?;
        let selector = baseline.record.selector.clone();
        let tags = [
            ("baseline".to_owned(), name.to_string()),
            ("version".to_owned(), (version + 1).to_string()),
        ];
        let wanted = Wanted {
            tags: tags.into(),
            selector: drifted.snapshot.selector.clone(),
            ..Wanted::default()
        };
        let snapshot = self.keep(wanted, hosts, by, false, taken).await?;
        let accepted = Some((version, ids));
        let setting = Setting { name, selector, note, expected: Some(version), accepted };
        let record = self.set_baseline(setting, &snapshot, by, set).await?;
        Ok((record, snapshot))
    }

    /// The hosts of the baseline after the changes, and the names that go with them.
    async fn edited(&self, drifted: &Drifted, edits: Edits, all: bool) -> Result<Taken, Problem> {
        let mut hosts = self.hosts_of(drifted.snapshot.root).await?;
        let mut names: BTreeMap<HostId, Named> = BTreeMap::new();
        for named in self.names_of(drifted.snapshot.id).await? {
            names.insert(named.id, named);
        }
        for (host, changes) in edits {
            let Some(state) = hosts.get_mut(&host) else { continue };
            let (shelf, root) = (self.nodes().clone(), state.root);
            let changes = changes.into_iter().collect();
            let done = self.turn(move || trees::edit(&shelf, root, changes)).await?;
            state.root = done.0;
            if let Some(named) = names.get_mut(&host) {
                named.resources = done.1;
            }
        }
        if all {
            hosts.retain(|host, _| !drifted.gone.contains(host));
            names.retain(|host, _| !drifted.gone.contains(host));
        }
        let mut taken = Taken { hosts, ..Taken::default() };
        if all {
            let known: BTreeMap<_, _> = {
                let view = self.fleet().view();
                let members = drifted.strangers.iter().filter_map(|(host, record)| {
                    Some((*host, (view.host(*host)?.host.name.clone(), record)))
                });
                members.collect()
            };
            for (host, (name, record)) in known {
                taken.add(host, name, record);
            }
        }
        taken.names.extend(names.into_values());
        Ok(taken)
    }
}

/// What the findings that are accepted make of each host's resources, and which these are.
fn edits(
    drifted: &Drifted,
    findings: Option<&[FindingId]>,
) -> Result<(Edits, Vec<FindingId>), Problem> {
    let report = &drifted.report;
    if let Some(gone) =
        findings.and_then(|ids| ids.iter().find(|id| report.finding(**id).is_none()))
    {
        return Err(Problem::new(Code::NotFound, format!("there is no finding {gone} now"))
            .on("findings")
            .remedy("`tamerctl drift` shows what there is now"));
    }
    let chosen: Option<BTreeSet<FindingId>> = findings.map(|ids| ids.iter().copied().collect());
    let is_chosen = |id: FindingId| chosen.as_ref().is_none_or(|chosen| chosen.contains(&id));
    let mut edits = Edits::new();
    let mut ids = Vec::new();
    for finding in report.findings.iter().filter(|finding| is_chosen(finding.id)) {
        ids.push(finding.id);
        for (host, change) in drifted.changes_of(finding) {
            edits.entry(host).or_default().insert(change.key.clone(), change.after.clone());
        }
    }
    Ok((edits, ids))
}
