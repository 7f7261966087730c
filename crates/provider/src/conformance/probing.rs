//! What a technology tells of itself.

use tamer_model::{Ability, Operation};

use super::bench::{Bench, Case, Outcome, cases, holds, same};

cases! {
    "probe", &[], probe;
    "probe-options", &[], options;
}

/// Every operation is told, with a reason where it cannot be had, and twice the same.
async fn probe(bench: &Bench<'_>) -> Outcome {
    let probe = bench.provider.probe().await?;
    holds("no version is told", !probe.version.trim().is_empty())?;
    holds("no endpoint is told", !probe.endpoint.trim().is_empty())?;
    for operation in Operation::ALL {
        let told = match probe.capabilities.get(operation) {
            Some(Ability::Yes) => true,
            Some(Ability::No(why) | Ability::NotNow(why)) => !why.trim().is_empty(),
            None => false,
        };
        holds(&format!("{operation} is not told, or without a reason"), told)?;
    }
    same("a second probe", bench.provider.probe().await?, probe)
}

/// Options have distinct keys and say what they do.
async fn options(bench: &Bench<'_>) -> Outcome {
    let options = bench.provider.options();
    for (at, option) in options.iter().enumerate() {
        let twice = options[..at].iter().any(|other| other.key == option.key);
        holds(&format!("the option {} is declared twice", option.key), !twice)?;
        holds(&format!("the option {} says nothing", option.key), !option.about.is_empty())?;
    }
    Ok(())
}
