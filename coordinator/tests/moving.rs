//! A fleet moves: out of one store, through the file, into another, ids and authority unchanged.

#[expect(dead_code, reason = "nobody joins here")]
mod support;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use support::Coordinator;
use tamer_certs::client_config;
use tamer_proto::wire;
use tamer_proto::wire::control_client::ControlClient;

fn store(args: &[&str], data: Option<&Path>, file: &Path) -> Result<std::process::Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tamer-coordinator"));
    command.arg("store").args(args);
    if let Some(data) = data {
        command.arg("--data").arg(data);
    }
    Ok(command.arg(file).output()?)
}

fn text(output: &std::process::Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

async fn tokens(coordinator: &Coordinator) -> Result<Vec<wire::Token>> {
    let authority = coordinator.authority()?;
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let now = tamer_model::Timestamp::from_millis(since.as_millis() as u64);
    let admin = authority.issue_user_credentials("admin".parse()?, now)?;
    let channel = coordinator.connect(client_config(authority.trust(), Some(&admin))?).await?;
    let mut control = ControlClient::new(channel);
    let first = control.list_tokens(wire::ListTokensRequest {}).await?.into_inner().tokens;
    if first.is_empty() {
        control.create_token(wire::CreateTokenRequest::default()).await?;
        return Ok(control.list_tokens(wire::ListTokensRequest {}).await?.into_inner().tokens);
    }
    Ok(first)
}

#[tokio::test]
async fn a_fleet_moves_from_sled_to_redb() -> Result<()> {
    tamer_certs::install_crypto();
    let dir = tempfile::tempdir()?;
    let (old, new, file) =
        (dir.path().join("old"), dir.path().join("new"), dir.path().join("fleet.store"));
    let coordinator = Coordinator::start(&old, &[])?;
    let (before, ca) = (tokens(&coordinator).await?, coordinator.authority()?.fingerprint());

    let busy = store(&["export"], Some(&old), &file)?;
    ensure!(
        !busy.status.success() && text(&busy).contains("in use by another process"),
        "{}",
        text(&busy)
    );
    drop(coordinator);

    let done = store(&["export"], Some(&old), &file)?;
    ensure!(done.status.success(), "{}", text(&done));
    let done = store(&["verify"], None, &file)?;
    ensure!(done.status.success(), "{}", text(&done));
    let done = store(&["import", "--store", "redb"], Some(&new), &file)?;
    ensure!(done.status.success(), "{}", text(&done));
    let again = store(&["import", "--store", "redb"], Some(&new), &file)?;
    ensure!(
        !again.status.success(),
        "a store that is not empty was imported into: {}",
        text(&again)
    );

    // The folder of the old one is not needed: the file is the whole fleet.
    std::fs::remove_dir_all(&old)?;
    let coordinator = Coordinator::start(&new, &["--store", "redb"])?;
    ensure!(coordinator.authority()?.fingerprint() == ca, "the authority changed");
    ensure!(tokens(&coordinator).await? == before, "the tokens changed");
    Ok(())
}

#[tokio::test]
async fn a_damaged_file_is_told_and_not_imported() -> Result<()> {
    tamer_certs::install_crypto();
    let dir = tempfile::tempdir()?;
    let (data, file) = (dir.path().join("data"), dir.path().join("fleet.store"));
    drop(Coordinator::start(&data, &[])?);
    ensure!(store(&["export"], Some(&data), &file)?.status.success(), "no export");
    let mut bytes = std::fs::read(&file)?;
    let middle = bytes.len() / 2;
    *bytes.get_mut(middle).context("a byte")? ^= 1;
    std::fs::write(&file, bytes)?;
    let verified = store(&["verify"], None, &file)?;
    ensure!(!verified.status.success() && text(&verified).contains("line"), "{}", text(&verified));
    let imported = store(&["import"], Some(&dir.path().join("new")), &file)?;
    ensure!(!imported.status.success(), "it was imported");
    Ok(())
}
