//! Pages: a token is the first key of the next page, in hexadecimal, so that it says nothing and
//! any coordinator can take it up.

use tamer_model::{Code, Problem};
use tamer_store::{Page, Prefix, Range, Store};

use crate::state::Unstorable;

/// Reads one page of the keys with `prefix`.
pub async fn read(
    store: &Store,
    prefix: &Prefix,
    limit: u32,
    token: &str,
) -> Result<(Page, String), Problem> {
    let range = Range::prefix(prefix).limit(limit.clamp(1, 1000));
    let range = if token.is_empty() { range } else { range.starting_at(&start(token)?) };
    let page = store.range(range).await.map_err(Unstorable::problem)?;
    let next = page
        .next
        .as_ref()
        .map(|next| data_encoding::HEXLOWER.encode(next.start()))
        .unwrap_or_default();
    Ok((page, next))
}

fn start(token: &str) -> Result<Vec<u8>, Problem> {
    data_encoding::HEXLOWER.decode(token.as_bytes()).map_err(|_| {
        Problem::new(Code::InvalidField, "not a page token of this call")
            .on("page_token")
            .remedy("use the one that came with the page before")
    })
}
