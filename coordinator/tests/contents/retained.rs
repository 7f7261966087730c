//! What a coordinator keeps, by its settings.

use anyhow::{Result, ensure};
use played::{Agent, batch, end, join, person};
use tamer_proto::wire;
use wire::action::Action;

use crate::files::{put, some};
use crate::played::{self, LIMIT};
use crate::support::Coordinator;

/// Starts a coordinator with these settings.
fn start(folder: &std::path::Path, settings: &str) -> Result<Coordinator> {
    let config = folder.join("coordinator.toml");
    std::fs::write(&config, settings)?;
    let config = config.to_string_lossy().into_owned();
    Coordinator::start(&folder.join("data"), &["--config", &config])
}

#[tokio::test]
async fn settings_say_what_is_kept() -> Result<()> {
    tamer_certs::install_crypto();
    let folder = tempfile::tempdir()?;
    let coordinator = start(folder.path(), "")?;
    let mut people = person(&coordinator).await?;
    let host = join(&coordinator, &mut people, "one").await?;
    let mut agent = Agent::connect(&coordinator, &host).await?;
    let mut made = Vec::new();
    for n in 0..3 {
        let command = wire::CommandSpec { argv: vec!["ls".into()], ..Default::default() };
        let request = format!("r{n}");
        made.push(batch(&mut people, Action::Command(command), &[], &request).await?.id);
        let task = agent.started().await?;
        // Compressed, and still some thousand bytes each.
        let lines: Vec<u8> =
            std::iter::repeat_with(|| fastrand::u8(b'a'..=b'z')).take(9600).collect();
        agent.end(&task, end(wire::Outcome::Succeeded), &lines).await?;
    }
    // Long output comes back whole from its compressed record.
    let whole = output_of(&mut people, &made[2]).await?;
    ensure!(!whole.removed && whole.stdout.unwrap_or_default().head.len() == 9600);
    drop(coordinator);

    // Two batches, and no more output than one of them has.
    let coordinator = start(folder.path(), "[retention]\nbatches = 2\noutput_bytes = 10000\n")?;
    let mut people = person(&coordinator).await?;
    let begun = std::time::Instant::now();
    loop {
        let batches = people.list_batches(wire::ListBatchesRequest::default()).await?.into_inner();
        let ids: Vec<_> = batches.batches.into_iter().map(|batch| batch.id).collect();
        let older = output_of(&mut people, &made[1]).await?;
        let newer = output_of(&mut people, &made[2]).await?;
        if ids == [made[2].clone(), made[1].clone()] && older.removed && !newer.removed {
            let stdout = older.stdout.unwrap_or_default();
            ensure!((stdout.head.len(), stdout.total) == (0, 9600), "how much it was is known");
            break;
        }
        ensure!(begun.elapsed() < LIMIT, "{ids:?}, removed: {} {}", older.removed, newer.removed);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // Who reads it by offset is told the same, with the end.
    let request = wire::ReadOutputRequest {
        batch: made[1].clone(),
        host: "one".into(),
        ..Default::default()
    };
    let mut read = people.read_output(request).await?.into_inner();
    let Some(wire::output_read::Event::Ended(task)) =
        tokio::time::timeout(LIMIT, read.message()).await??.and_then(|read| read.event)
    else {
        anyhow::bail!("no end")
    };
    ensure!(task.output.is_some_and(|output| output.removed), "it says that it was removed");
    Ok(())
}

async fn output_of(
    people: &mut wire::control_client::ControlClient<tonic::transport::Channel>,
    batch: &str,
) -> Result<wire::KeptOutput> {
    let request =
        wire::ListTasksRequest { batch: batch.to_owned(), output: true, ..Default::default() };
    let tasks = people.list_tasks(request).await?.into_inner().tasks;
    Ok(tasks.into_iter().next().and_then(|task| task.output).unwrap_or_default())
}

#[tokio::test]
async fn contents_have_a_limit_that_is_told() -> Result<()> {
    tamer_certs::install_crypto();
    let folder = tempfile::tempdir()?;
    let coordinator = start(folder.path(), "[contents]\nmax_bytes = 8192\n")?;
    let mut people = person(&coordinator).await?;
    let (bytes, content) = some(8192, 1);
    ensure!(put(&mut people, &bytes, &content, 0).await?.complete);
    let (bytes, content) = some(1, 2);
    let refused = put(&mut people, &bytes, &content, 0).await.expect_err("there is no room");
    let problem = tamer_proto::problem_of(&refused);
    ensure!(problem.code == tamer_model::Code::ResourceExhausted, "{problem:?}");
    ensure!(problem.remedy.is_some_and(|remedy| remedy.contains("contents.max_bytes")));
    Ok(())
}
