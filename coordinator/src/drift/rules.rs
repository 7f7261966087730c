//! Rules about noise, and findings that are set aside: records that people make.

use tamer_drift::finding::IgnoreRule;
use tamer_model::{Code, FindingId, Problem, RuleName, Timestamp, UserName};
use tamer_store::Commit;

use super::Drift;
use super::record::{AckRecord, RuleRecord};
use super::snapshots::entries;
use crate::clock;
use crate::state::{Unstorable, decode, encode, keys};

/// The most rules of a fleet: each is tried on every change.
const MOST: usize = 1_000;
/// The longest document of a rule, in bytes.
const MAX_DOCUMENT: usize = 64 << 10;

/// Reads a rule as people write it. It is its writer's, whatever it says.
///
/// # Errors
/// `InvalidField`; it names what is wrong with it.
pub fn read_rule(document: &str, by: &UserName) -> Result<IgnoreRule, Problem> {
    if document.len() > MAX_DOCUMENT {
        let message = format!("{} bytes, more than {MAX_DOCUMENT}", document.len());
        return Err(Problem::field("document", message));
    }
    let invalid = |error: serde_json::Error| {
        Problem::field("document", error.to_string())
            .remedy("`tamerctl drift rule --help` shows the fields of a rule")
    };
    let mut fields: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(document).map_err(invalid)?;
    fields.insert("by".to_owned(), by.as_str().into());
    serde_json::from_value(fields.into()).map_err(invalid)
}

impl Drift {
    /// Every rule, by name.
    pub async fn rules(&self) -> Result<Vec<RuleRecord>, Problem> {
        let all = entries(self.store(), &keys::ignore_rules()).await?;
        all.iter().map(|entry| decode(&entry.key, &entry.value)).collect()
    }

    /// Writes a rule, in the place of one of the same name.
    ///
    /// # Errors
    /// `ResourceExhausted` when there are too many.
    pub async fn put_rule(
        &self,
        rule: IgnoreRule,
        by: &UserName,
        audited: &(dyn Fn(Commit) -> Commit + Send + Sync),
    ) -> Result<RuleRecord, Problem> {
        let key = keys::ignore_rule(&rule.name);
        let known = self.store().get(&key).await.map_err(Unstorable::problem)?;
        if known.is_none() && entries(self.store(), &keys::ignore_rules()).await?.len() >= MOST {
            return Err(Problem::new(Code::ResourceExhausted, format!("there are {MOST} rules"))
                .remedy("remove some: `tamerctl drift rule rm`"));
        }
        let record = RuleRecord { rule, by: by.clone(), at: clock::now() };
        let commit = match &known {
            Some(entry) => Commit::new().unchanged(entry),
            None => Commit::new().absent(key.clone()),
        };
        let commit = audited(commit.put(key, encode(&record)));
        self.store().commit(commit).await.map_err(Unstorable::problem)?;
        self.board().tell();
        Ok(record)
    }

    /// Removes a rule.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn remove_rule(
        &self,
        name: &RuleName,
        audited: &(dyn Fn(Commit) -> Commit + Send + Sync),
    ) -> Result<(), Problem> {
        let key = keys::ignore_rule(name);
        let known = self.store().get(&key).await.map_err(Unstorable::problem)?;
        let known = known.ok_or_else(|| {
            Problem::new(Code::NotFound, format!("there is no rule {name}"))
                .on("id")
                .remedy("`tamerctl drift rule ls` lists them")
        })?;
        let commit = audited(Commit::new().unchanged(&known).delete(key));
        self.store().commit(commit).await.map_err(Unstorable::problem)?;
        self.board().tell();
        Ok(())
    }

    /// The findings that are set aside, and until when.
    pub async fn acknowledged(&self) -> Result<Vec<(FindingId, AckRecord)>, Problem> {
        let all = entries(self.store(), &keys::all_acknowledged()).await?;
        let read = |entry: &tamer_store::Entry| {
            let id = keys::tail(&entry.key).parse::<FindingId>().ok()?;
            Some(decode(&entry.key, &entry.value).map(|record| (id, record)))
        };
        all.iter().filter_map(read).collect()
    }

    /// Sets a finding aside until a time; one that is over takes it up again.
    pub async fn acknowledge(
        &self,
        finding: FindingId,
        (until, note): (Timestamp, String),
        by: &UserName,
        audited: &(dyn Fn(Commit) -> Commit + Send + Sync),
    ) -> Result<(), Problem> {
        super::baselines::check_note(&note)?;
        let (key, now) = (keys::acknowledged(finding), clock::now());
        let commit = if until <= now {
            Commit::new().delete(key)
        } else {
            let record = AckRecord { until, by: by.clone(), at: now, note };
            Commit::new().put(key, encode(&record))
        };
        self.store().commit(audited(commit)).await.map_err(Unstorable::problem)?;
        self.board().tell();
        Ok(())
    }
}
