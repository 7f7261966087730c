//! Pages of placements.

use tamer_model::{HostId, PlacementId, Problem};
use tamer_proto::wire;

use super::view;
use crate::control::People;

/// Placements to a page unless the caller wants others.
const PAGE: usize = 1000;
const LARGEST: usize = 5000;
/// A page ends at this many bytes: a message holds four times as much.
const PAGE_BYTES: usize = 1024 * 1024;

impl People {
    /// Placements by their ids, which begin with the time they were made.
    pub(in crate::control) fn list_placements(
        &self,
        request: wire::ListPlacementsRequest,
    ) -> Result<wire::ListPlacementsResponse, Problem> {
        let wire::ListPlacementsRequest { workload, host, page_size, page_token } = request;
        let after =
            match page_token.as_str() {
                "" => None,
                token => Some(token.parse::<PlacementId>().map_err(|_| {
                    Problem::field("page_token", "not a token that a page ended with")
                })?),
            };
        let view = self.fleet.view();
        let host: Option<HostId> = match host.as_str() {
            "" => None,
            host => Some(view.find(host)?.host.id),
        };
        let name = match workload.as_str() {
            "" => None,
            name => Some(super::name(name)?),
        };
        let board = self.workloads.read();
        let mut copies: Vec<_> = match (&name, host) {
            (Some(name), _) => board.copies_of(name).collect(),
            (None, Some(host)) => board.copies_on(host).collect(),
            (None, None) => board.copies().collect(),
        };
        copies.retain(|copy| host.is_none_or(|host| copy.placement.host == host));
        copies.retain(|copy| after.is_none_or(|after| copy.placement.id > after));
        copies.sort_unstable_by_key(|copy| copy.placement.id);
        let limit = match page_size {
            0 => PAGE,
            size => LARGEST.min(size as usize),
        };
        let mut page = wire::ListPlacementsResponse::default();
        let mut bytes = 0;
        for copy in copies {
            if page.placements.len() == limit || bytes > PAGE_BYTES {
                let last = page.placements.last().map(|last| last.id.clone());
                page.next_page_token = last.unwrap_or_default();
                break;
            }
            let shown = view::placement(&view, copy);
            bytes += prost::Message::encoded_len(&shown);
            page.placements.push(shown);
        }
        Ok(page)
    }
}
