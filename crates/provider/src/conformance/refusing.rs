//! What cannot be had is refused, with the right kind, the field, and nothing left behind.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tamer_model::{
    CheckpointName, ExecSpec, InstanceSpec, LogOptions, NativeId, Operation, OptionValue,
    TerminalSize,
};

use super::bench::{Bench, Case, Outcome, cases, fail, holds, refused, same};
use crate::{Fault, FaultKind, ProgressSink};

const NEEDS: &[Operation] = &[Operation::List, Operation::Create, Operation::Remove];

cases! {
    "unsupported", NEEDS, unsupported;
    "spec-option", NEEDS, option;
    "spec-limits", NEEDS, limits;
    "spec-source", NEEDS, source;
}

/// Every operation told as not possible is refused as such.
async fn unsupported(bench: &Bench<'_>) -> Outcome {
    let missing: Vec<_> = Operation::ALL.iter().filter(|o| bench.cannot(**o).is_some()).collect();
    let id = bench.made("plain").await?;
    for operation in missing {
        if let Some(outcome) = ask(bench, &id, *operation).await {
            refused(operation.as_str(), outcome, FaultKind::Unsupported)?;
        }
    }
    Ok(())
}

/// Asks for one operation; None where it has no call of its own.
async fn ask(bench: &Bench<'_>, id: &NativeId, operation: Operation) -> Option<Result<(), Fault>> {
    let provider = &bench.provider;
    let none = ProgressSink::none();
    let word: CheckpointName = "none".parse().expect("a word is a name");
    let exec = |terminal| ExecSpec { terminal, ..ExecSpec::new(["true"]) };
    let checkpoints = bench.can(Operation::CheckpointFull) || bench.can(Operation::CheckpointDisk);
    Some(match operation {
        // The case needs them.
        Operation::List | Operation::Create | Operation::Remove => return None,
        // Part of a call that is refused as a whole.
        Operation::LogsSince | Operation::LogsTimestamps if !bench.can(Operation::Logs) => {
            return None;
        }
        Operation::CheckpointFull | Operation::CheckpointDisk if checkpoints => return None,
        Operation::Start => provider.start(id).await,
        Operation::Stop => provider.stop(id, None).await,
        Operation::Restart => provider.restart(id, None).await,
        Operation::Pause => provider.pause(id).await,
        Operation::Resume => provider.resume(id).await,
        Operation::Exec => provider.exec(id, &exec(None)).await.map(drop),
        Operation::ExecTerminal => {
            let size = TerminalSize { columns: 80, rows: 24 };
            provider.exec(id, &exec(Some(size))).await.map(drop)
        }
        Operation::Logs => provider.logs(id, &LogOptions::default()).await.map(drop),
        Operation::LogsSince => {
            let options = LogOptions { since: Some(Default::default()), ..LogOptions::default() };
            provider.logs(id, &options).await.map(drop)
        }
        Operation::LogsTimestamps => {
            let options = LogOptions { timestamps: true, ..LogOptions::default() };
            provider.logs(id, &options).await.map(drop)
        }
        Operation::Stats => provider.stats(id).await.map(drop),
        Operation::Events => provider.events().await.map(drop),
        Operation::CheckpointFull | Operation::CheckpointDisk => {
            provider.checkpoint_create(id, &word).await
        }
        Operation::ImagePull => provider.image_pull("none", &none).await,
        Operation::ImageLoad => {
            let nothing = stream::empty::<std::io::Result<Bytes>>().boxed();
            provider.image_load(nothing, &none).await.map(drop)
        }
        Operation::ImageList => provider.images().await.map(drop),
        Operation::ImageRemove => provider.image_remove("none").await,
        Operation::Scan => provider.scan().await.map(drop),
    })
}

/// An option that the provider does not declare.
async fn option(bench: &Bench<'_>) -> Outcome {
    let mut spec = bench.subject.idle(bench.name("option"));
    spec.options.insert("no_such_option".to_owned(), OptionValue::Flag(true));
    turned_down(bench, spec, &[FaultKind::InvalidSpec], &["options.no_such_option"]).await
}

/// Limits of nothing.
async fn limits(bench: &Bench<'_>) -> Outcome {
    let spec = |change: fn(&mut InstanceSpec)| {
        let mut spec = bench.subject.idle(bench.name("limits"));
        change(&mut spec);
        spec
    };
    let kinds = &[FaultKind::InvalidSpec];
    let cpu = spec(|spec| spec.limits.cpu_millis = Some(0));
    turned_down(bench, cpu, kinds, &["limits.cpu_millis"]).await?;
    let memory = spec(|spec| spec.limits.memory_bytes = Some(0));
    turned_down(bench, memory, kinds, &["limits.memory_bytes"]).await?;
    let pids = spec(|spec| spec.limits.pids = Some(0));
    turned_down(bench, pids, kinds, &["limits.pids"]).await
}

/// Made of what is not there.
async fn source(bench: &Bench<'_>) -> Outcome {
    let spec = bench.subject.sourceless(bench.name("source"));
    let kinds = &[FaultKind::NotFound, FaultKind::InvalidSpec];
    turned_down(bench, spec, kinds, &["image", "disk", "template"]).await
}

/// It is refused, names a field, and leaves nothing behind.
async fn turned_down(
    bench: &Bench<'_>,
    spec: InstanceSpec,
    kinds: &[FaultKind],
    fields: &[&str],
) -> Outcome {
    let before = bench.ours().await?;
    let Err(fault) = bench.create(spec).await else { return fail("it was made") };
    let field = fault.field.as_deref().unwrap_or("no field");
    holds(
        &format!("wanted {kinds:?} on {fields:?}, saw {fault:?}"),
        kinds.contains(&fault.kind) && fields.contains(&field),
    )?;
    same("instances after it", bench.ours().await?, before)
}
