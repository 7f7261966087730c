//! The fake engine beside a real one: the same requests, and the same statuses and refusals; and
//! what the fake tells is called as the real one calls it.

use std::io::Write as _;
use std::path::Path;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tamer_peers::docker::Docker;
use tamer_peers::image;
use tokio::net::UnixStream;

use crate::engine::Engine;

/// A container with a volume. To the fake the command is an idle one.
const ONE: &str = r#"{"Image":"tamer/busybox:1","Cmd":["sleep","1000"],"Labels":{"a":"b"},
    "HostConfig":{"Mounts":[{"Type":"volume","Source":"kept","Target":"/kept"}]}}"#;
const COMMAND: &str = r#"{"AttachStdout":true,"AttachStderr":true,"Cmd":["sleep","1000"]}"#;

/// Method, path and body. `EXEC` is the command that was made last, `IMAGE` the id of the image
/// that was looked at last.
const REQUESTS: &[(&str, &str, &str)] = &[
    ("GET", "/version", ""),
    ("GET", "/v1.99/info", ""),
    ("GET", "/info", ""),
    ("GET", "/nonsense", ""),
    ("POST", "/images/load", "no archive"),
    ("GET", "/images/json", ""),
    ("GET", "/images/json?filters=%7B%22label%22:%5B%22tamer.test%22%5D%7D", ""),
    ("GET", "/images/tamer%2Fbusybox:1/json", ""),
    ("GET", "/images/tamer%2Fnone:0/json", ""),
    ("POST", "/containers/create?name=one", ONE),
    ("POST", "/containers/create?name=one", ONE),
    ("POST", "/containers/create?name=b%20d", ONE),
    ("POST", "/containers/create?name=two", ONE),
    ("POST", "/containers/create?name=no", r#"{"Image":"tamer/none:1"}"#),
    ("GET", "/containers/json?all=true", ""),
    ("GET", "/containers/json?filters=%7B%22odd%22:%5B%22x%22%5D%7D", ""),
    ("GET", "/containers/one/json", ""),
    ("POST", "/containers/none/start", ""),
    ("POST", "/containers/none/stop", ""),
    ("POST", "/containers/none/restart", ""),
    ("POST", "/containers/none/pause", ""),
    ("POST", "/containers/none/unpause", ""),
    ("POST", "/containers/none/rename?name=x", ""),
    ("GET", "/containers/none/json", ""),
    ("GET", "/containers/none/logs?stdout=1", ""),
    ("GET", "/containers/one/logs", ""),
    ("GET", "/containers/none/stats?stream=false&one-shot=true", ""),
    ("GET", "/containers/one/stats?stream=false&one-shot=true", ""),
    ("DELETE", "/containers/none", ""),
    ("POST", "/containers/none/exec", COMMAND),
    ("POST", "/containers/one/exec", COMMAND),
    ("POST", "/containers/one/pause", ""),
    ("POST", "/containers/one/unpause", ""),
    ("POST", "/containers/one/stop", ""),
    ("POST", "/containers/one/start", ""),
    ("POST", "/containers/one/start", ""),
    ("GET", "/containers/one/stats?stream=false&one-shot=true", ""),
    ("GET", "/containers/one/json", ""),
    ("GET", "/containers/json", ""),
    ("DELETE", "/containers/one", ""),
    ("POST", "/containers/one/exec", r#"{"Cmd":[]}"#),
    ("POST", "/containers/one/exec", COMMAND),
    ("GET", "/exec/EXEC/json", ""),
    ("GET", "/exec/none/json", ""),
    ("POST", "/exec/none/start", "{}"),
    ("POST", "/exec/none/resize?h=1&w=2", ""),
    ("POST", "/containers/one/pause", ""),
    ("POST", "/containers/one/pause", ""),
    ("POST", "/containers/one/start", ""),
    ("POST", "/containers/one/exec", COMMAND),
    ("DELETE", "/containers/one", ""),
    ("GET", "/containers/json", ""),
    ("POST", "/containers/one/unpause", ""),
    ("POST", "/containers/one/unpause", ""),
    ("POST", "/containers/one/rename?name=two", ""),
    ("POST", "/containers/one/rename?name=one", ""),
    ("POST", "/containers/one/rename?name=b%20d", ""),
    ("POST", "/containers/one/rename?name=uno", ""),
    ("POST", "/commit?container=none&repo=x/y&tag=1", "{}"),
    ("POST", "/commit?container=uno&repo=x/y&tag=1&changes=LABEL%20k=v", "{}"),
    ("GET", "/images/json?filters=%7B%22label%22:%5B%22k=v%22%5D%7D", ""),
    ("GET", "/images/x%2Fy:1/json", ""),
    ("POST", "/images/x%2Fy:1/tag?repo=z&tag=2", ""),
    ("DELETE", "/images/IMAGE", ""),
    ("POST", "/images/none/tag?repo=z&tag=2", ""),
    ("DELETE", "/images/x%2Fy:1", ""),
    ("DELETE", "/images/tamer%2Fnone:0", ""),
    ("DELETE", "/images/tamer%2Fbusybox:1", ""),
    ("POST", "/containers/create?name=three", r#"{"Image":"z:2"}"#),
    ("DELETE", "/images/z:2", ""),
    ("DELETE", "/images/IMAGE", ""),
    ("POST", "/containers/three/start", ""),
    ("DELETE", "/images/IMAGE", ""),
    ("DELETE", "/containers/three?force=true", ""),
    ("DELETE", "/images/z:2", ""),
    ("POST", "/images/create?fromImage=127.0.0.1:9%2Ftamer%2Fnone:0", ""),
    ("GET", "/networks", ""),
    ("GET", "/networks/bridge", ""),
    ("GET", "/networks/none1", ""),
    ("POST", "/networks/none1/connect", r#"{"Container":"uno"}"#),
    ("POST", "/networks/bridge/connect", r#"{"Container":"none"}"#),
    ("POST", "/networks/bridge/connect", r#"{"Container":"uno"}"#),
    ("POST", "/networks/none/connect", r#"{"Container":"uno"}"#),
    ("GET", "/volumes", ""),
    ("DELETE", "/volumes/none", ""),
    ("POST", "/containers/uno/restart?t=0", ""),
    ("POST", "/containers/uno/stop?t=0", ""),
    ("POST", "/containers/uno/stop?t=0", ""),
    ("GET", "/containers/uno/json", ""),
    ("DELETE", "/containers/two?v=true", ""),
    ("DELETE", "/volumes/kept", ""),
    ("DELETE", "/containers/uno?v=true&force=true", ""),
    ("DELETE", "/volumes/kept", ""),
    ("DELETE", "/volumes/kept", ""),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fake_answers_as_docker_does() {
    if !Docker::installed() {
        let required = std::env::var_os("TAMER_REQUIRE_PEERS").is_some_and(|value| value == "1");
        assert!(!required, "Docker Engine is not installed, and TAMER_REQUIRE_PEERS=1 asks for it");
        let told = writeln!(std::io::stderr(), "SKIPPED: Docker Engine is not installed");
        told.expect("a test without standard error cannot say that it tests nothing");
        return;
    }
    let folder = tempfile::Builder::new().prefix("tf").tempdir().expect("a folder");
    let docker = Docker::start(folder.path()).expect("docker");
    let fake = Engine::start();
    let mut real = Client::new(&docker.socket());
    let mut played = Client::new(&fake.socket());
    let archive = image::busybox_tar().expect("an image");
    for client in [&mut real, &mut played] {
        let (status, told) = client.ask("POST", "/images/load", &archive).await;
        assert!(status == 200 && told.contains("Loaded image: tamer/busybox:1"), "{status} {told}");
    }
    let mut unlike = Vec::new();
    for (method, path, body) in REQUESTS {
        let wanted = real.ask(method, path, body.as_bytes()).await;
        let seen = played.ask(method, path, body.as_bytes()).await;
        let refused = wanted.0 >= 400 && wanted.1 != seen.1;
        let shaped = shape(&seen.1, &wanted.1);
        if wanted.0 != seen.0 || refused || shaped.is_err() {
            unlike.push(format!("{method} {path}: {shaped:?}\n  real {wanted:?}\n  fake {seen:?}"));
        }
    }
    fake.kill().await;
    assert!(unlike.is_empty(), "{}", unlike.join("\n"));
}

/// A client of one engine.
struct Client {
    socket: std::path::PathBuf,
    exec: String,
    image: String,
}

impl Client {
    fn new(socket: &Path) -> Self {
        Self { socket: socket.to_owned(), exec: String::new(), image: String::new() }
    }

    /// The status and the body, with every id in it as `ID`.
    async fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> (u16, String) {
        let wire = UnixStream::connect(&self.socket).await.expect("connect");
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(wire)).await.expect("handshake");
        let path = path.replace("EXEC", &self.exec).replace("IMAGE", &self.image);
        let versioned = path.starts_with("/v1.");
        let request = Request::builder()
            .method(method)
            .uri(if versioned { path.clone() } else { format!("/v1.41{path}") })
            .header("Host", "engine")
            .header("Content-Type", "application/json")
            .body(Full::new(Bytes::copy_from_slice(body)))
            .expect("a request");
        let answered = async {
            let answer = sender.send_request(request).await.expect("an answer");
            let status = answer.status().as_u16();
            let whole = answer.into_body().collect().await.expect("its body").to_bytes();
            drop(sender);
            (status, String::from_utf8_lossy(&whole).into_owned())
        };
        let ((status, text), ended) = tokio::join!(answered, connection);
        ended.expect("the connection");
        if path.ends_with("/exec") && status == 201 {
            let made: Value = serde_json::from_str(&text).expect("JSON");
            made["Id"].as_str().expect("an id").clone_into(&mut self.exec);
        }
        if path.starts_with("/images/")
            && let Ok(seen) = serde_json::from_str::<Value>(&text)
            && let Some(id) = seen["Id"].as_str()
        {
            id.clone_into(&mut self.image);
        }
        (status, without_ids(text.trim()))
    }
}

/// The text with every id, long or short, as `ID`.
fn without_ids(text: &str) -> String {
    let mut rest = text;
    let mut plain = String::new();
    while let Some(first) = rest.chars().next() {
        let digits = rest.chars().take_while(char::is_ascii_hexdigit).count();
        let taken = if digits == 12 || digits == 64 {
            plain.push_str("ID");
            digits
        } else if digits > 0 {
            plain.push_str(&rest[..digits]);
            digits
        } else {
            plain.push(first);
            first.len_utf8()
        };
        rest = &rest[taken..];
    }
    plain
}

/// Whether everything in one JSON text is in the other too, under the same name and of the same
/// type. Texts of several lines are not looked at.
fn shape(fake: &str, real: &str) -> Result<(), String> {
    match (serde_json::from_str(fake), serde_json::from_str(real)) {
        (Ok(fake), Ok(real)) => fits("", &fake, &real),
        (Err(_), Err(_)) => Ok(()),
        _ => Err("only one of them is JSON".to_owned()),
    }
}

fn fits(place: &str, fake: &Value, real: &Value) -> Result<(), String> {
    match (fake, real) {
        (Value::Null, _) | (_, Value::Null) => Ok(()),
        (Value::Object(fake), Value::Object(real)) => {
            fake.iter().try_for_each(|(key, value)| match real.get(key) {
                Some(real) => fits(&format!("{place}.{key}"), value, real),
                None => Err(format!("{place}.{key} is the fake's own")),
            })
        }
        (Value::Array(fake), Value::Array(real)) => match (fake.first(), real.first()) {
            (Some(fake), Some(real)) => fits(&format!("{place}[0]"), fake, real),
            _ => Ok(()),
        },
        (fake, real) if std::mem::discriminant(fake) == std::mem::discriminant(real) => Ok(()),
        _ => Err(format!("{place} is {fake}, and {real} with Docker")),
    }
}
