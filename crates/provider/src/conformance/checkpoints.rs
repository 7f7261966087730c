//! Saved states.

use tamer_model::{CheckpointKind, CheckpointName, InstanceState, NativeId, Operation};

use super::Program;
use super::bench::{Bench, Case, Outcome, cases, fail, holds, refused, same, skip, within};
use super::exec::{NEEDS, text};
use crate::FaultKind;

cases! {
    "checkpoint", NEEDS, content;
    "checkpoint-names", &[Operation::List, Operation::Create, Operation::Remove], names;
}

fn name(text: &str) -> CheckpointName {
    text.parse().expect("a short word is a name")
}

fn possible(bench: &Bench<'_>) -> Outcome {
    match (bench.cannot(Operation::CheckpointFull), bench.cannot(Operation::CheckpointDisk)) {
        (Some(full), Some(disk)) => skip(format!("{full}; {disk}")),
        _ => Ok(()),
    }
}

/// What was saved comes back, and what was done since does not; removed with its instance.
async fn content(bench: &Bench<'_>) -> Outcome {
    possible(bench)?;
    let images = images(bench).await?;
    let patience = bench.subject.patience();
    let (provider, file, good) = (&bench.provider, bench.subject.kept_file(), name("good"));
    let first = bench.running("saved").await?;
    write(bench, &first, &file, "one").await?;
    let save = provider.checkpoint_create(&first, &good);
    within("saving", patience, save).await??;
    bench.state(&first, InstanceState::Running).await?;
    write(bench, &first, &file, "two").await?;
    let saved = provider.checkpoints(&first).await?;
    let [one] = &saved[..] else { return fail(format!("not one checkpoint: {saved:?}")) };
    same("its name", &one.name, &good)?;
    let told = match one.kind {
        CheckpointKind::Full => Operation::CheckpointFull,
        CheckpointKind::Disk => Operation::CheckpointDisk,
    };
    holds(&format!("a checkpoint that cannot be: {one:?}"), bench.can(told))?;

    let restore = provider.checkpoint_restore(&first, &good);
    let id = within("restoring", patience, restore).await??;
    if one.kind == CheckpointKind::Full {
        bench.state(&id, InstanceState::Running).await?;
    }
    bench.start(&id).await?;
    let read = bench.program(&id, &Program::ReadFile(file)).await?;
    same("the file after the restore", text(&read.out), "one".to_owned())?;
    let told = bench.get(&id).await?;
    same("its name", told.name, bench.name("saved"))?;
    holds("it is managed no more", told.managed)?;
    same("instances after the restore", bench.ours().await?.len(), 1)?;

    let saved: Vec<_> = provider.checkpoints(&id).await?.into_iter().map(|c| c.name).collect();
    same("checkpoints after the restore", saved, vec![good])?;
    provider.remove(&id, true).await?;
    same("images after all", self::images(bench).await?, images)
}

/// Names: one at a time, and nothing comes of one that is not there.
async fn names(bench: &Bench<'_>) -> Outcome {
    possible(bench)?;
    let provider = &bench.provider;
    let id = bench.running("names").await?;
    same("checkpoints at first", provider.checkpoints(&id).await?, Vec::new())?;
    let missing = FaultKind::NotFound;
    let none = name("none");
    refused("restore", provider.checkpoint_restore(&id, &none).await, missing)?;
    refused("remove", provider.checkpoint_remove(&id, &none).await, missing)?;
    provider.checkpoint_create(&id, &name("a")).await?;
    let again = provider.checkpoint_create(&id, &name("a")).await;
    refused("the same name", again, FaultKind::AlreadyExists)?;
    provider.checkpoint_create(&id, &name("b.2_c-d")).await?;
    let saved: Vec<_> = provider.checkpoints(&id).await?.into_iter().map(|c| c.name).collect();
    same("oldest first", saved, vec![name("a"), name("b.2_c-d")])?;
    provider.checkpoint_remove(&id, &name("a")).await?;
    refused("removed twice", provider.checkpoint_remove(&id, &name("a")).await, missing)?;
    let saved: Vec<_> = provider.checkpoints(&id).await?.into_iter().map(|c| c.name).collect();
    same("what is left", saved, vec![name("b.2_c-d")])
}

async fn write(bench: &Bench<'_>, id: &NativeId, file: &str, text: &str) -> Outcome {
    let write = Program::WriteFile(file.to_owned(), text.to_owned());
    same("the code of the write", bench.program(id, &write).await?.code, Some(0))
}

/// The ids of all images, where they can be listed.
async fn images(bench: &Bench<'_>) -> Outcome<Vec<String>> {
    if !bench.can(Operation::ImageList) {
        return Ok(Vec::new());
    }
    let mut ids: Vec<_> = bench.provider.images().await?.into_iter().map(|i| i.id).collect();
    ids.sort();
    Ok(ids)
}
