//! Names and labels come back as they were given.

use tamer_model::Operation;

use super::bench::{Bench, Case, Outcome, cases, fail, holds, same, within};
use crate::FaultKind;

const NEEDS: &[Operation] = &[Operation::List, Operation::Create, Operation::Remove];

cases! {
    "names", NEEDS, names;
    "names-unicode", NEEDS, unicode;
    "labels", NEEDS, labels;
}

/// The name comes back, and it is ours.
async fn names(bench: &Bench<'_>) -> Outcome {
    let id = bench.made("plain").await?;
    let told = bench.get(&id).await?;
    same("its name", told.name, bench.name("plain"))?;
    holds("what Tamer made is not told as managed", told.managed)?;
    let text = bench.provider.describe(&id).await?;
    holds("its description is empty", text.trim_start().starts_with(['{', '[']))
}

/// A name beyond ASCII works and comes back, or is refused as a name.
async fn unicode(bench: &Bench<'_>) -> Outcome {
    let name = bench.name("größe-ქართული-🦀");
    let spec = bench.subject.idle(name.clone());
    match within("create", bench.subject.patience(), bench.create(spec)).await? {
        Ok(id) => same("its name", bench.get(&id).await?.name, name),
        Err(fault) if fault.kind == FaultKind::InvalidSpec => {
            same("the field at fault", fault.field.as_deref(), Some("name"))?;
            same("instances after it", bench.ours().await?.len(), 0)
        }
        Err(fault) => fail(format!("wanted it made or refused, saw {fault:?}")),
    }
}

/// Labels come back, whatever is in them.
async fn labels(bench: &Bench<'_>) -> Outcome {
    if !bench.subject.keeps_labels() {
        return super::bench::skip("the technology has no labels");
    }
    let mut spec = bench.subject.idle(bench.name("labels"));
    let wanted = [("role", "web"), ("note", "größe & <ends> \"here\" = 1"), ("empty", "")];
    for (key, value) in wanted {
        spec.labels.insert(key.to_owned(), value.to_owned());
    }
    let id = bench.create(spec).await?;
    let told = bench.get(&id).await?.labels;
    for (key, value) in wanted {
        same(&format!("the label {key}"), told.get(key).map(String::as_str), Some(value))?;
    }
    Ok(())
}
