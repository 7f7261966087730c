//! The engine's plain API: HTTP/1.1 over its socket, one request after another on one connection.
//! No client is leaner, so what it takes is the floor of what any client can do.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

/// The version that Docker 20.10 speaks; later ones know it too.
const VERSION: &str = "v1.41";

/// A client of one engine.
pub struct Api {
    socket: PathBuf,
    kept: BufReader<UnixStream>,
}

/// How long a body is.
#[derive(Clone, Copy)]
enum Length {
    Of(u64),
    Chunks,
    UntilTheEnd,
}

impl Api {
    pub fn connect(socket: &Path) -> Result<Self> {
        Ok(Self { socket: socket.to_owned(), kept: dial(socket)? })
    }

    /// Another connection to the same engine.
    pub fn again(&self) -> Result<Self> {
        Self::connect(&self.socket)
    }

    pub fn get(&mut self, path: &str) -> Result<Vec<u8>> {
        self.call("GET", path, "application/json", b"")
    }

    pub fn post(&mut self, path: &str, body: Option<&Value>) -> Result<Vec<u8>> {
        let body = body.map(Value::to_string).unwrap_or_default();
        self.call("POST", path, "application/json", body.as_bytes())
    }

    /// Makes a container and gives its id.
    pub fn create(&mut self, name: &str, command: &[&str]) -> Result<String> {
        let spec = json!({
            "Image": tamer_peers::image::BUSYBOX,
            "Cmd": command,
            "Labels": {"app": "bench", "tier": "back"},
            "HostConfig": {"NetworkMode": "none"},
        });
        let made = self.post(&format!("containers/create?name={name}"), Some(&spec))?;
        let made: Value = serde_json::from_slice(&made)?;
        Ok(made["Id"].as_str().context("an id")?.to_owned())
    }

    /// Removes a container, also when it runs.
    pub fn remove(&mut self, id: &str) -> Result<()> {
        self.call("DELETE", &format!("containers/{id}?force=1"), "application/json", b"").map(drop)
    }

    pub fn load(&mut self, image: &[u8]) -> Result<()> {
        self.call("POST", "images/load", "application/x-tar", image).map(drop)
    }

    /// Sends the body of an answer to `into` and gives its length.
    pub fn pour(&mut self, path: &str, into: &mut impl Write) -> Result<u64> {
        send(&mut self.kept, "GET", path, "application/json", b"", "")?;
        let (status, length) = head(&mut self.kept)?;
        ensure!(status == 200, "{path}: {status}");
        body(&mut self.kept, length, into)
    }

    /// Runs a command in a container, reads all its output, and gives its exit code: the three
    /// requests that every client makes, the second on a connection of its own.
    pub fn exec(&mut self, id: &str, command: &[&str]) -> Result<i64> {
        let spec = json!({"AttachStdout": true, "AttachStderr": true, "Cmd": command});
        let made = self.post(&format!("containers/{id}/exec"), Some(&spec))?;
        let made: Value = serde_json::from_slice(&made)?;
        let exec = made["Id"].as_str().context("an id")?;
        let mut stream = dial(&self.socket)?;
        let upgrade = "Connection: Upgrade\r\nUpgrade: tcp\r\n";
        let path = format!("exec/{exec}/start");
        send(&mut stream, "POST", &path, "application/json", br#"{"Detach":false}"#, upgrade)?;
        let (status, _) = head(&mut stream)?;
        ensure!(status == 101, "{path}: {status}");
        std::io::copy(&mut stream, &mut std::io::sink())?;
        // The engine may close the output a moment before it knows.
        loop {
            let told: Value = serde_json::from_slice(&self.get(&format!("exec/{exec}/json"))?)?;
            if told["Running"] == Value::Bool(false) {
                return told["ExitCode"].as_i64().context("an exit code");
            }
        }
    }

    fn call(&mut self, method: &str, path: &str, kind: &str, sent: &[u8]) -> Result<Vec<u8>> {
        send(&mut self.kept, method, path, kind, sent, "")?;
        let (status, length) = head(&mut self.kept)?;
        let mut answer = Vec::new();
        body(&mut self.kept, length, &mut answer)?;
        // 304: it is so already.
        if !(200..300).contains(&status) && status != 304 {
            bail!("{method} {path}: {status}: {}", String::from_utf8_lossy(&answer));
        }
        Ok(answer)
    }
}

fn dial(socket: &Path) -> Result<BufReader<UnixStream>> {
    let stream = UnixStream::connect(socket).context("the engine's socket")?;
    // A read of a log asks for as much as one chunk of the engine's answer has.
    Ok(BufReader::with_capacity(256 * 1024, stream))
}

fn send(
    to: &mut BufReader<UnixStream>,
    method: &str,
    path: &str,
    kind: &str,
    body: &[u8],
    more: &str,
) -> Result<()> {
    let head = format!(
        "{method} /{VERSION}/{path} HTTP/1.1\r\nHost: engine\r\nContent-Type: {kind}\r\n\
         Content-Length: {}\r\n{more}\r\n",
        body.len()
    );
    // In one write where it is small, as clients do.
    let mut message = head.into_bytes();
    message.extend_from_slice(body);
    to.get_mut().write_all(&message)?;
    Ok(())
}

fn head(from: &mut impl BufRead) -> Result<(u16, Length)> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    let status = line.split(' ').nth(1).with_context(|| format!("no answer: {line:?}"))?.parse()?;
    let mut length = if matches!(status, 204 | 304) { Length::Of(0) } else { Length::UntilTheEnd };
    loop {
        line.clear();
        ensure!(from.read_line(&mut line)? > 0, "the engine hung up in the head");
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = Length::Of(value.parse()?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            length = Length::Chunks;
        }
    }
    Ok((status, length))
}

fn body(from: &mut impl BufRead, length: Length, into: &mut impl Write) -> Result<u64> {
    match length {
        Length::Of(bytes) => Ok(std::io::copy(&mut from.take(bytes), into)?),
        Length::UntilTheEnd => Ok(std::io::copy(from, into)?),
        Length::Chunks => {
            let mut total = 0;
            let mut line = String::new();
            loop {
                line.clear();
                from.read_line(&mut line)?;
                let bytes = u64::from_str_radix(line.trim(), 16)
                    .with_context(|| format!("{line:?} is no length of a chunk"))?;
                total += std::io::copy(&mut from.take(bytes), into)?;
                line.clear();
                from.read_line(&mut line)?;
                if bytes == 0 {
                    return Ok(total);
                }
            }
        }
    }
}
