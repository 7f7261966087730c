//! Resources and changes as documents, for who looks at a snapshot.

use tamer_drift::{Digest, ResourceKey};
use tamer_model::Problem;

use super::{Drift, trees};
use crate::state::encode;

impl Drift {
    /// A page of a picture's resources as JSON, at most so many of them and so many bytes, and the
    /// token of the next page.
    ///
    /// # Errors
    /// `InvalidField` for a token that is none, `NotFound` when a node is damaged.
    pub async fn resources(
        &self,
        root: Digest,
        token: String,
        (most, bytes): (usize, usize),
    ) -> Result<(Vec<String>, String), Problem> {
        let invalid = |problem: Problem| problem.on("page_token");
        let from: Option<ResourceKey> = match token.as_str() {
            "" => None,
            token => Some(token.parse().map_err(invalid)?),
        };
        let shelf = self.nodes().clone();
        let (page, mut next) =
            self.turn(move || trees::page(&shelf, root, from.as_ref(), most)).await?;
        let (mut told, mut length) = (Vec::new(), 0);
        for resource in page {
            let text = json(&resource);
            if length + text.len() > bytes && !told.is_empty() {
                next = Some(resource.key);
                break;
            }
            length += text.len();
            told.push(text);
        }
        Ok((told, next.map(|key| key.to_string()).unwrap_or_default()))
    }

    /// What differs between two pictures as JSON, at most so many changes, and how many more.
    ///
    /// # Errors
    /// `NotFound` when a node is damaged.
    pub async fn between(
        &self,
        before: Option<Digest>,
        after: Option<Digest>,
        most: usize,
    ) -> Result<(Vec<String>, u64), Problem> {
        let shelf = self.nodes().clone();
        let (changes, more) =
            self.turn(move || trees::changes(&shelf, before, after, most)).await?;
        Ok((changes.iter().map(json).collect(), more))
    }
}

fn json<T: serde::Serialize>(value: &T) -> String {
    String::from_utf8(encode(value)).expect("JSON is UTF-8")
}
