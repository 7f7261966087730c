//! Commands that people ran in instances by hand.

use std::collections::BTreeSet;
use std::time::Duration;

use tamer_drift::finding::{Deed, Doing, Touched};
use tamer_model::{
    AuditOutcome, AuditRecord, HostId, InstanceId, InstanceRef, Problem, Timestamp, UserName,
};
use tamer_store::Range;

use super::Books;
use crate::state::{Unstorable, decode, keys};

/// Records of the audit that are looked at, the newest first.
const AUDIT: usize = 20_000;
/// For how long a command is held to have run. The audit says when it was asked for and nothing says
/// when it ended; what happens later is told as nobody's, rather than as its doing for ever.
const COMMAND: Duration = Duration::from_secs(60 * 60);

impl Books<'_> {
    pub(super) async fn commands(
        &self,
        hosts: &BTreeSet<HostId>,
        from: Timestamp,
        deeds: &mut Vec<Deed>,
    ) -> Result<(), Problem> {
        let mut next = Some(Range::prefix(&keys::audits()));
        let mut read = 0;
        while let Some(range) = next.filter(|_| read < AUDIT) {
            let page = self.store.range(range).await.map_err(Unstorable::problem)?;
            read += page.entries.len();
            for entry in &page.entries {
                let record: AuditRecord = decode(&entry.key, &entry.value)?;
                if record.at.plus(COMMAND) < from {
                    return Ok(());
                }
                deeds.extend(self.command(&record).filter(|deed| hosts.contains(&deed.host)));
            }
            next = page.next;
        }
        Ok(())
    }

    /// None of an instance that is gone: of what it was nothing is known any more.
    fn command(&self, record: &AuditRecord) -> Option<Deed> {
        if record.what != "instance.exec" || record.outcome != AuditOutcome::Done {
            return None;
        }
        let id: InstanceId = record.on.parse().ok()?;
        let view = self.fleet.view();
        let known = &view.instance(id)?.instance;
        let (provider, native) = (known.provider.clone(), known.instance.native.clone());
        Some(Deed {
            doing: Doing::Operation(id),
            host: known.host,
            from: record.at,
            to: Some(record.at.plus(COMMAND)),
            by: record.who.strip_prefix("user/").and_then(|name| name.parse::<UserName>().ok()),
            words: format!("ran a command in {}, asked for", known.instance.name),
            touched: Touched::of_instance(&InstanceRef { provider, native }),
        })
    }
}
