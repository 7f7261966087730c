//! Looking at machines.

use std::time::{SystemTime, UNIX_EPOCH};

use tamer_model::{Instance, InstanceKind, InstanceStats, NativeId, Timestamp};
use tamer_provider::{Fault, FaultKind, Result};
use uuid::Uuid;

use super::MachineProvider;
use crate::faults::fault;
use crate::rpc::{Domain, TypedValue, code};
use crate::session::Live;
use crate::stats::{SAMPLE, STATE, Values};
use crate::xml::Element;
use crate::{state, xml};

impl MachineProvider {
    pub(super) async fn all(&self) -> Result<Vec<Instance>> {
        let live = self.session.live().await?;
        let what = "cannot list the machines";
        // One call for all of them; what changes rarely is in the book.
        let told = live.quick.stats(&[], STATE, 0).await.map_err(|error| fault(&error, what))?;
        let mut instances = Vec::with_capacity(told.len());
        for (domain, values) in &told {
            match instance(&live, domain, values).await {
                Ok(instance) => instances.push(instance),
                // Removed since it was listed.
                Err(fault) if fault.kind == FaultKind::NotFound => {}
                Err(fault) => return Err(fault),
            }
        }
        instances.sort_by(|a, b| a.native.cmp(&b.native));
        Ok(instances)
    }

    pub(super) async fn one(&self, id: &NativeId) -> Result<Instance> {
        let live = self.session.live().await?;
        let domain = find(&live, id).await?;
        let values = values(&live, &domain, STATE, id).await?;
        instance(&live, &domain, &values).await
    }

    pub(super) async fn described(&self, id: &NativeId) -> Result<String> {
        let live = self.session.live().await?;
        let domain = find(&live, id).await?;
        let what = format!("cannot describe the machine {id}");
        // Without secrets: what a display's password is, is nobody's affair.
        let text =
            live.quick.xml(&domain, 0).await.map_err(|error| fault(&error, what.as_str()))?;
        let root = Element::read(&text).map_err(|e| Fault::new(FaultKind::Failed, what).said(e))?;
        Ok(serde_json::json!({ "domain": root.json() }).to_string())
    }

    pub(super) async fn sampled(&self, id: &NativeId) -> Result<InstanceStats> {
        let live = self.session.live().await?;
        let domain = find(&live, id).await?;
        let values = values(&live, &domain, SAMPLE, id).await?;
        let values = Values(&values);
        if !state::is_active(values.state().0) {
            return Err(Fault::new(FaultKind::Conflict, format!("the machine {id} does not run")));
        }
        Ok(values.sample(now()))
    }
}

/// The domain of this id.
pub(super) async fn find(live: &Live, id: &NativeId) -> Result<Domain> {
    let uuid = uuid(id)?;
    live.quick
        .lookup_uuid(uuid.as_bytes())
        .await
        .map_err(|error| fault(&error, format!("there is no machine {id}")))
        .map_err(|fault| match fault.kind {
            FaultKind::NotFound => fault,
            _ => Fault { message: format!("cannot look at the machine {id}"), ..fault },
        })
}

/// The UUID that an id is. What is none is the id of no machine.
pub(super) fn uuid(id: &NativeId) -> Result<Uuid> {
    Uuid::parse_str(id.as_str())
        .map_err(|_| Fault::new(FaultKind::NotFound, format!("there is no machine {id}")))
}

pub(super) fn native(domain: &Domain) -> NativeId {
    let text = Uuid::from_bytes(domain.uuid).to_string();
    text.try_into().expect("a UUID is short and plain")
}

/// Its state and the reason for it.
pub(super) async fn state_of(live: &Live, domain: &Domain) -> Result<(i32, i32)> {
    let what = || format!("cannot look at the machine {:?}", domain.name);
    live.quick.state(domain).await.map_err(|error| fault(&error, what()))
}

/// Whether its memory is saved on disk.
pub(super) async fn is_saved(live: &Live, domain: &Domain) -> Result<bool> {
    match live.quick.has_managed_save(domain).await {
        Ok(saved) => Ok(saved),
        // A hypervisor that cannot save has saved nothing.
        Err(error) if error.code() == Some(code::VIR_ERR_NO_SUPPORT) => Ok(false),
        Err(error) => Err(fault(&error, format!("cannot look at the machine {:?}", domain.name))),
    }
}

async fn values(
    live: &Live,
    domain: &Domain,
    groups: u32,
    id: &NativeId,
) -> Result<Vec<(String, TypedValue)>> {
    let told = live
        .quick
        .stats(std::slice::from_ref(domain), groups, 0)
        .await
        .map_err(|error| fault(&error, format!("cannot look at the machine {id}")))?;
    match told.into_iter().next() {
        Some((_, values)) => Ok(values),
        None => Err(Fault::new(FaultKind::NotFound, format!("there is no machine {id}"))),
    }
}

async fn instance(
    live: &Live,
    domain: &Domain,
    values: &[(String, TypedValue)],
) -> Result<Instance> {
    let known = live.book.read(&live.quick, domain).await?;
    let (number, reason) = Values(values).state();
    let saved = state::may_be_saved(number, reason) && is_saved(live, domain).await?;
    let (state, reason) = state::state(number, reason, saved);
    let mark = known.mark.as_ref();
    Ok(Instance {
        native: native(domain),
        name: known.name.clone(),
        kind: InstanceKind::Machine,
        state,
        reason,
        image: mark.and_then(|mark| mark.image.clone()).or_else(|| first_disk(&known)),
        created_at: mark.and_then(|mark| mark.created_at),
        exit_code: None,
        managed: mark.is_some(),
        labels: mark.map(|mark| mark.labels.clone()).unwrap_or_default(),
        // Only a guest, or a network for each of its cards, knows them: a call for each machine.
        addresses: Vec::new(),
        ports: Vec::new(),
    })
}

/// What a machine that we did not make is made of, as far as it can be told.
fn first_disk(domain: &xml::Domain) -> Option<String> {
    domain.disks.iter().find(|disk| disk.device == "disk")?.source.clone()
}

/// The host's clock.
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
