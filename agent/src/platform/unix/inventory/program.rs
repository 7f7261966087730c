//! Asking another program, where no file says it: bounded in time by its collector, in output here.

use std::process::Stdio;

use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use crate::inventory::Fault;

/// What a program writes, of which more than `most` bytes are refused. It is ended when whoever
/// waits for it is dropped. An end that is no success is a fault with the beginning of its errors.
pub async fn output(program: &str, arguments: &[&str], most: u64) -> Result<Vec<u8>, Fault> {
    let fault =
        |what: &str, error: std::io::Error| Fault::new(format!("{program}: {what}: {error}"));
    let mut child = Command::new(program)
        .args(arguments)
        // What it writes is read by a program.
        .env("LC_ALL", "C")
        .env("SYSTEMD_COLORS", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| fault("cannot be started", error))?;
    let (out, errors) = (child.stdout.take(), child.stderr.take());
    let (Some(out), Some(errors)) = (out, errors) else {
        return Err(Fault::new(format!("{program}: it has no output")));
    };
    let (mut written, mut said) = (Vec::new(), Vec::new());
    let (mut out, mut errors) = (out.take(most + 1), errors.take(4096));
    let unread = |error| fault("cannot be read", error);
    let read = async {
        out.read_to_end(&mut written).await.map_err(unread)?;
        let too_long = || Fault::new(format!("{program}: it writes more than {} KiB", most >> 10));
        if written.len() as u64 > most { Err(too_long()) } else { Ok(()) }
    };
    // Of errors the beginning is read; a program that writes more waits, until its time is over.
    let hear = async { errors.read_to_end(&mut said).await.map_err(unread) };
    tokio::try_join!(read, hear)?;
    let ended = child.wait().await.map_err(|error| fault("cannot be waited for", error))?;
    if !ended.success() {
        let said = String::from_utf8_lossy(&said);
        let said: String = said.lines().next().unwrap_or_default().chars().take(200).collect();
        return Err(Fault::new(format!("{program}: {ended}: {said}")));
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    async fn shell(line: &str, most: u64) -> Result<Vec<u8>, Fault> {
        let words = ["-c", line];
        let asked = output("/bin/sh", &words, most);
        timeout(Duration::from_secs(30), asked).await.expect("in time")
    }

    #[tokio::test]
    async fn a_program_is_heard_up_to_a_bound() {
        assert_eq!(shell("printf abc", 3).await, Ok(b"abc".to_vec()));
        let long = shell("while :; do printf 'garbage garbage'; done", 64 << 10).await;
        assert!(long.expect_err("too long").to_string().contains("64 KiB"));
        let failed = shell("echo no such thing >&2; exit 3", 3).await.expect_err("failed");
        assert!(failed.to_string().contains("no such thing"), "{failed}");
        let none = output("/no/such/program", &[], 3).await.expect_err("not there");
        assert!(none.to_string().contains("cannot be started"), "{none}");
    }
}
