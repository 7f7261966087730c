//! The calls about batches that are under way or over, and about the hosts they are for.

use tamer_model::{EndKind, Problem};
use tamer_proto::wire;

use super::{Api, BatchOrder, answer};
use crate::contract::{Batch, Host, Preview};

impl Api {
    /// What a batch would be, without starting it.
    pub async fn preview_batch(&mut self, order: &BatchOrder) -> Result<Preview, Problem> {
        let request: wire::CreateBatchRequest = order.clone().into();
        answer(self.client.preview_batch(request).await).map(Into::into)
    }

    /// A new batch that does the same on the targets of an earlier one that ended so. The same
    /// request is the same batch, however often it is asked for.
    pub async fn retry_batch(
        &mut self,
        id: &str,
        ends: &[EndKind],
        request_id: &str,
    ) -> Result<Batch, Problem> {
        let request = wire::RetryBatchRequest {
            id: id.to_owned(),
            ends: ends.iter().map(|end| end.as_str().to_owned()).collect(),
            request_id: request_id.to_owned(),
        };
        answer(self.client.retry_batch(request).await)?.try_into()
    }

    /// Gives a host no new work, or gives it some again.
    pub async fn cordon_host(
        &mut self,
        host: &str,
        cordoned: bool,
        reason: &str,
    ) -> Result<Host, Problem> {
        let (host, reason) = (host.to_owned(), reason.to_owned());
        let request = wire::CordonHostRequest { host, cordoned, reason };
        answer(self.client.cordon_host(request).await).map(Into::into)
    }
}
