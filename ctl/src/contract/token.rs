//! Join tokens.

use std::collections::BTreeMap;

use serde::Serialize;
use tamer_model::Problem;
use tamer_proto::{Required, wire};

use super::Time;

/// A token without its secret.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Token {
    pub id: String,
    pub state: String,
    pub created_at: Time,
    pub created_by: String,
    pub expires_at: Time,
    pub uses: u32,
    pub used: u32,
    pub labels: BTreeMap<String, String>,
}

/// A token that was just made: the only moment its text is known.
#[derive(Clone, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct NewToken {
    pub token: String,
    pub id: String,
    pub expires_at: Time,
    pub uses: u32,
    pub labels: BTreeMap<String, String>,
}

impl std::fmt::Debug for NewToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewToken").field("id", &self.id).finish_non_exhaustive()
    }
}

impl From<wire::Token> for Token {
    fn from(token: wire::Token) -> Self {
        let wire::Token { id, created_at, created_by, expires_at, uses, used, labels, state } =
            token;
        Self {
            id,
            state,
            created_at: Time::of(created_at),
            created_by,
            expires_at: Time::of(expires_at),
            uses,
            used,
            labels: labels.into_iter().collect(),
        }
    }
}

impl TryFrom<wire::CreateTokenResponse> for NewToken {
    type Error = Problem;

    fn try_from(made: wire::CreateTokenResponse) -> Result<Self, Problem> {
        let wire::CreateTokenResponse { token, info } = made;
        let Token { id, expires_at, uses, labels, .. } = info.required("info")?.into();
        Ok(Self { token, id, expires_at, uses, labels })
    }
}
