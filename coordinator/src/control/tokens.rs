//! Join tokens.

use std::time::Duration;

use tamer_certs::JoinToken;
use tamer_model::{Code, Problem, TokenId};
use tamer_proto::{TokenView, labels_in, wire};
use tamer_store::Commit;

use super::{Asker, People};
use crate::state::{TokenRecord, Unstorable, encode, keys};
use crate::{audit, clock};

const DEFAULT_LIFETIME: Duration = Duration::from_secs(3600);
const MAX_LIFETIME: Duration = Duration::from_secs(365 * 24 * 3600);
const MAX_USES: u32 = 100_000;
/// The most tokens at once, expired ones too; revoking makes room.
const MAX_TOKENS: usize = 1000;

impl People {
    pub(super) async fn make_token(
        &self,
        asker: &Asker,
        request: wire::CreateTokenRequest,
    ) -> Result<wire::CreateTokenResponse, Problem> {
        let wire::CreateTokenRequest { lifetime_ms, uses, labels } = request;
        let lifetime =
            if lifetime_ms == 0 { DEFAULT_LIFETIME } else { Duration::from_millis(lifetime_ms) };
        let uses = uses.max(1);
        if lifetime > MAX_LIFETIME {
            return Err(Problem::field("lifetime", "longer than one year"));
        }
        if uses > MAX_USES {
            return Err(Problem::field("uses", format!("more than {MAX_USES}")));
        }
        if self.fleet.view().tokens().count() >= MAX_TOKENS {
            return Err(Problem::new(Code::Busy, format!("there are {MAX_TOKENS} tokens already"))
                .remedy("revoke the ones that are done with, by `tamerctl token revoke`"));
        }
        let labels = labels_in(labels)?;
        let token = JoinToken::generate(self.fleet_id, self.authority.fingerprint());
        let now = clock::now();
        let record = TokenRecord {
            hash: token.secret.hash(),
            created_by: asker.name.clone(),
            created_at: now,
            expires_at: now.plus(lifetime),
            uses,
            used: 0,
            labels,
        };
        let key = keys::token(token.id);
        let commit = Commit::new().absent(key.clone()).put(key, encode(&record));
        let commit =
            audit::done(commit, &asker.caller, "token.create", token.id, format!("uses={uses}"));
        let revision = self.store.commit(commit).await.map_err(Unstorable::problem)?;
        self.fleet.reached(revision).await;
        Ok(wire::CreateTokenResponse {
            token: token.reveal().to_string(),
            info: Some(view(token.id, &record).into()),
        })
    }

    pub(super) fn tokens(&self) -> wire::ListTokensResponse {
        let view_of = |(id, record): (TokenId, &TokenRecord)| wire::Token::from(view(id, record));
        let mut tokens: Vec<_> = self.fleet.view().tokens().map(view_of).collect();
        tokens.sort_by_key(|token| token.created_at);
        wire::ListTokensResponse { tokens }
    }

    pub(super) async fn drop_token(
        &self,
        asker: &Asker,
        id: &str,
    ) -> Result<wire::RevokeTokenResponse, Problem> {
        let unknown = || {
            Problem::new(Code::NotFound, format!("there is no join token {id:?}"))
                .on("id")
                .remedy("`tamerctl token ls` lists them")
        };
        let token: TokenId = id.parse().map_err(|_| unknown())?;
        let commit = Commit::new().exists(keys::token(token)).delete(keys::token(token));
        let commit = audit::done(commit, &asker.caller, "token.revoke", token, "");
        let revision = self.store.commit(commit).await.map_err(|error| match error {
            tamer_store::CommitError::Conflict { .. } => unknown(),
            other => other.problem(),
        })?;
        self.fleet.reached(revision).await;
        Ok(wire::RevokeTokenResponse {})
    }
}

fn view(id: TokenId, record: &TokenRecord) -> TokenView {
    let TokenRecord { hash: _, created_by, created_at, expires_at, uses, used, labels } =
        record.clone();
    TokenView { id, created_at, created_by, expires_at, uses, used, labels, now: clock::now() }
}
