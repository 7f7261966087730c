//! What a host was, step by step.

use tamer_drift::ResourceKey;
use tamer_model::{Code, Problem, Timestamp};
use tamer_proto::wire;

use super::{next_page, offset, page_size, view};
use crate::control::People;
use crate::drift::{Past, is_about};

/// Changes that one entry tells.
const CHANGES: usize = 100;
/// Bytes of changes on a page.
const PAGE_BYTES: usize = 2 << 20;

impl People {
    pub(super) async fn get_history(
        &self,
        request: wire::GetHistoryRequest,
    ) -> Result<wire::GetHistoryResponse, Problem> {
        let wire::GetHistoryRequest { host, resource, since, page_size: asked, page_token } =
            request;
        let id = self.fleet.view().find(&host)?.host.id;
        let resource = key_of(&resource)?;
        let past = self.drift.past(id, Timestamp::from_millis(since)).await?;
        let kept_since = past.last().map(|step| step.record.at.as_millis()).unwrap_or_default();
        let origins = self.drift.deeds_of(id, &past).await?;
        let about: Vec<(usize, &Past)> =
            past.iter().enumerate().filter(|(_, step)| is_about(step, resource.as_ref())).collect();
        let (from, size) = (offset(&page_token)?, page_size(asked, 100, 1000));
        let (mut entries, mut bytes, mut at) = (Vec::new(), 0, from);
        for (number, step) in about.iter().skip(from).take(size) {
            let entry = entry(&id.to_string(), step, resource.as_ref(), origins.get(number));
            bytes += entry.changes.iter().map(String::len).sum::<usize>();
            if bytes > PAGE_BYTES && !entries.is_empty() {
                break;
            }
            entries.push(entry);
            at += 1;
        }
        let next_page_token = next_page(at, about.len());
        Ok(wire::GetHistoryResponse { entries, next_page_token, kept_since })
    }
}

fn entry(
    host: &str,
    step: &Past,
    resource: Option<&ResourceKey>,
    origin: Option<&String>,
) -> wire::HistoryEntry {
    let Past { record, changes, after, .. } = step;
    let told = changes.iter().filter(|change| resource.is_none_or(|key| change.key == *key));
    let gap = record.gap.as_ref().map(|gap| wire::InventoryGap {
        from: gap.from.as_millis(),
        to: gap.to.as_millis(),
        why: gap.why.clone(),
        changed: gap.changed,
    });
    wire::HistoryEntry {
        at: record.at.as_millis(),
        host: host.to_owned(),
        root: after.map(|root| root.as_bytes().to_vec()).unwrap_or_default(),
        changed: u32::try_from(record.changed).unwrap_or(u32::MAX),
        changes: told.take(CHANGES).map(view::json).collect(),
        gap,
        began: record.began,
        origin: origin.cloned().unwrap_or_default(),
    }
}

/// The resource that a person means: KIND/SOURCE/ID, or KIND/ID of the host itself.
fn key_of(text: &str) -> Result<Option<ResourceKey>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    if let Ok(key) = text.parse() {
        return Ok(Some(key));
    }
    let of_host =
        text.split_once('/').and_then(|(kind, id)| format!("{kind}/host/{id}").parse().ok());
    of_host.map(Some).ok_or_else(|| {
        let text: String = text.chars().take(64).collect();
        Problem::new(Code::InvalidField, format!("{text:?} names no resource"))
            .on("resource")
            .remedy("write KIND/ID or KIND/SOURCE/ID, such as package/openssl")
    })
}
