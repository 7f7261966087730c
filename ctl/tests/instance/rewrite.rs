//! `drift explain --rewrite`: the account stands whatever a language model says, or does not say.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tamer_proto::wire;
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::pictures::Pictures;
use crate::play::Play;
use crate::stage::{Ended, Stage};

const SECRET: &str = "hunter2";
const KEY: &str = "sk-of-the-test";

/// How the model answers.
#[derive(Debug, Clone)]
enum Says {
    Text(&'static str),
    /// This status and body.
    Plain(StatusCode, &'static str),
    /// That it is elsewhere.
    Elsewhere(String),
    Nothing,
    /// Blanks without an end.
    Endless,
}

/// A language model that plays what a test wrote for it.
struct Model {
    address: SocketAddr,
    /// The path, the key and the body of each request.
    asked: Arc<Mutex<Vec<(String, String, Value)>>>,
}

impl Model {
    async fn open(says: Says) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked: Arc<Mutex<Vec<(String, String, Value)>>> = Arc::default();
        let heard = Arc::clone(&asked);
        // It ends with the runtime of the test, as what it starts does.
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (says, heard) = (says.clone(), Arc::clone(&heard));
                let service =
                    service_fn(move |request| answer(request, says.clone(), heard.clone()));
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<(String, String, Value)> {
        std::mem::take(&mut *self.asked.lock().expect("a lock"))
    }
}

async fn answer(
    request: Request<Incoming>,
    says: Says,
    heard: Arc<Mutex<Vec<(String, String, Value)>>>,
) -> Result<Response<BoxBody<Bytes, Infallible>>, Infallible> {
    let key = request.headers().get("authorization").map(|key| key.to_str().expect("a text"));
    let (path, key) = (request.uri().path().to_owned(), key.unwrap_or_default().to_owned());
    let body = request.into_body().collect().await.expect("a body").to_bytes();
    let body = serde_json::from_slice(&body).expect("json");
    heard.lock().expect("a lock").push((path, key, body));
    let whole = |text: String| Full::new(Bytes::from(text)).boxed();
    Ok(match says {
        Says::Text(text) => {
            let choice = json!({ "message": { "role": "assistant", "content": text } });
            Response::new(whole(json!({ "choices": [choice] }).to_string()))
        }
        Says::Plain(status, text) => {
            let mut response = Response::new(whole(text.to_owned()));
            *response.status_mut() = status;
            response
        }
        Says::Elsewhere(place) => {
            let mut response = Response::new(whole(String::new()));
            *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
            response.headers_mut().insert("location", place.parse().expect("a place"));
            response
        }
        Says::Nothing => std::future::pending().await,
        Says::Endless => {
            let blanks = || Ok(Frame::data(Bytes::from_static(&[b' '; 64 * 1024])));
            Response::new(BodyExt::boxed(StreamBody::new(stream::repeat_with(blanks))))
        }
    })
}

fn report() -> wire::DriftReport {
    let hidden = "ab".repeat(16);
    let finding = |number: u8, kind: &str, name: &str, fields: Value| {
        json!({
            "id": format!("d-{number:016}"), "kind": kind, "source": "host", "name": name,
            "change": "changed", "area": "configuration", "severity": "high", "rule": "a",
            "reason": "because", "title": format!("{kind} {name} changed"),
            "origin": {
                "from": "ours", "what": "batch", "id": "b-1", "by": "grace", "confidence": 90,
                "evidence": "batch b-1 of grace ran `login hunter2`",
            },
            "fields": fields,
            "hosts": [{ "host": "h-0000000000000001", "name": "web-01", "id": name }],
            "confidence": 90, "evidence": "web-01 was seen whole",
            "window": { "from": 1_000, "to": 2_000 }, "first_seen": 2_000,
            "acknowledged": {
                "finding": format!("d-{number:016}"), "until": 9_000, "by": "grace", "note": SECRET,
            },
        })
    };
    let field = |path: &str, before: Value| json!([{ "path": path, "before": before, "after": 7 }]);
    let findings = [
        finding(1, "package", "openssl", field("version", "3.0.14".into())),
        finding(2, "config", "/etc/app.toml", field("port", SECRET.into())),
        finding(3, "file", "/etc/pin", field("digest", SECRET.into())),
        finding(4, "instance", "db", field("db_password", json!({ "$hidden": hidden }))),
        finding(5, "instance", "db2", field("env.A", SECRET.into())),
        finding(6, "user", "hunter2", field("comment", SECRET.into())),
        finding(7, "group", "sudo", json!([{ "path": "members{hunter2}", "after": SECRET }])),
    ];
    let document = json!({
        "version": 1, "baseline": { "name": "default", "at": 1_000 }, "at": 2_000,
        "verdict": "drift",
        "summary": {
            "hosts": 1, "hosts_with_drift": 1, "hosts_unobserved": 0, "changes": 7, "hidden": 0,
            "withheld": 0, "findings": { "high": 7 }, "acknowledged": 0, "words": "The summary.",
        },
        "findings": findings, "groups": [], "hidden": [], "unobserved": [],
    });
    let document = document.to_string();
    wire::DriftReport { document, findings: 7, drift: true, observed: true, ..Default::default() }
}

async fn stage() -> Stage {
    let pictures = Pictures { reports: vec![vec![report()]], ..Pictures::default() };
    Stage::open(Play { pictures, ..Play::default() }).await
}

fn private(path: &std::path::Path, text: &str) {
    std::fs::write(path, text).expect("writes");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(path, mode).expect("a mode");
    }
}

/// The program, told of a model.
fn told_of(stage: &Stage, model: &Model, line: &str) -> Command {
    let key = stage.path("key");
    private(&key, &format!("{KEY}\n"));
    let mut command = stage.command(line.split_whitespace());
    command.env("TAMER_EXPLAIN_ENDPOINT", format!("http://{}/v1", model.address));
    command.env("TAMER_EXPLAIN_MODEL", "m-1").env("TAMER_EXPLAIN_KEY_FILE", key);
    // A proxy is never between this machine and itself.
    command.env("HTTP_PROXY", "http://127.0.0.1:1").env("http_proxy", "http://127.0.0.1:1");
    command
}

async fn ended(mut command: Command) -> Ended {
    let output = tokio::time::timeout(Duration::from_secs(60), command.output());
    let output = output.await.expect("in time").expect("its output");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_comes_first_and_then_who_wrote_what_follows() {
    let stage = stage().await;
    let model = Model::open(Says::Text("It was\u{1b}[2J updated.\n\nLook \u{202e}there.")).await;
    let account = stage.run("drift explain").await.with(0).stdout;
    let told = ended(told_of(&stage, &model, "drift explain --rewrite")).await.with(0);
    assert_eq!(told.stderr, "");
    let rest = told.stdout.strip_prefix(&account).expect("the account first, and whole");
    assert_eq!(
        rest,
        "\n# As a language model tells it\n\nWritten by m-1 at 127.0.0.1 from the findings, and \
         checked by nobody: what stands is the account above.\n\nIt was\\x1b[2J updated.\n\n\
         Look \\u{202e}there.\n"
    );
    let asked = model.asked();
    let [(path, key, body)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((path.as_str(), key.as_str()), ("/v1/chat/completions", "Bearer sk-of-the-test"));
    assert_eq!((&body["model"], &body["stream"]), (&"m-1".into(), &false.into()));

    let command = told_of(&stage, &model, "drift explain d-0000000000000001 --rewrite -o json");
    let told: Value = serde_json::from_str(&ended(command).await.with(0).stdout).expect("json");
    assert_eq!(told["rewritten"]["model"], "m-1");
    assert_eq!(told["rewritten"]["text"], "It was\u{1b}[2J updated.\n\nLook \u{202e}there.");
    assert!(told["account"].as_str().expect("a text").starts_with("# package openssl changed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_that_is_secret_or_about_people() {
    let stage = stage().await;
    let model = Model::open(Says::Text("Well.")).await;
    ended(told_of(&stage, &model, "drift explain --rewrite")).await.with(0);
    let asked = model.asked();
    let body = asked[0].2.to_string();
    assert!(body.contains("openssl") && body.contains("3.0.14"), "{body}");
    for never in [SECRET, "abab", "web-01", "h-0000000000000001", "grace", "b-1", KEY] {
        assert!(!body.contains(never), "{never}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_stands_when_nobody_answers_well() {
    let stage = stage().await;
    let account = stage.run("drift explain").await.with(0).stdout;
    let other = Model::open(Says::Text("Elsewhere.")).await;
    let place = format!("http://{}/v1/chat/completions", other.address);
    for (says, why) in [
        (Says::Plain(StatusCode::OK, "<html>"), "its answer is no chat completion"),
        (Says::Plain(StatusCode::OK, "{}"), "its answer is no chat completion"),
        (Says::Plain(StatusCode::UNAUTHORIZED, "{}"), "it answered 401 Unauthorized"),
        (Says::Elsewhere(place), "it answered 307 Temporary Redirect"),
        (Says::Endless, "its answer is longer than 256 KiB"),
        (Says::Nothing, "it did not answer within 500ms"),
    ] {
        let model = Model::open(says.clone()).await;
        let mut command = told_of(&stage, &model, "drift explain --rewrite");
        if matches!(says, Says::Nothing) {
            command.env("TAMER_EXPLAIN_TIMEOUT", "500ms");
        }
        let began = Instant::now();
        let told = ended(command).await.with(0);
        assert_eq!(told.stdout, account, "{says:?}");
        let line = format!("the account was not rewritten: m-1 at 127.0.0.1: {why}\n");
        assert_eq!(told.stderr, line, "{says:?}");
        assert!(began.elapsed() < Duration::from_secs(50), "{says:?}");
        assert_eq!(model.asked().len(), 1, "{says:?}");
    }
    assert!(other.asked().is_empty(), "nobody is followed elsewhere");
    let mut gone = Model::open(Says::Nothing).await;
    // A port where nobody listens: it is taken and given back.
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    gone.address = free.local_addr().expect("an address");
    drop(free);
    let told = ended(told_of(&stage, &gone, "drift explain --rewrite")).await.with(0);
    assert_eq!((told.stdout, told.stderr.lines().count()), (account, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_asked_who_is_not_set_or_not_safe() {
    let stage = stage().await;
    let model = Model::open(Says::Text("Well.")).await;
    let account = stage.run("drift explain").await.with(0).stdout;
    let told = stage.run("drift explain --rewrite").await.with(0);
    assert_eq!(told.stdout, account);
    assert!(told.stderr.contains("no language model is set"), "{told:?}");
    assert_eq!(told.stderr.lines().count(), 1, "{told:?}");
    // Without the flag nobody is asked, whatever is set.
    ended(told_of(&stage, &model, "drift explain")).await.with(0);
    let mut command = told_of(&stage, &model, "drift explain --rewrite");
    command.env("TAMER_EXPLAIN_ENDPOINT", "http://models.example/v1");
    let told = ended(command).await.with(0);
    assert!(told.stderr.contains("would travel readable for all"), "{told:?}");
    let mut command = told_of(&stage, &model, "drift explain --rewrite");
    command.env("TAMER_EXPLAIN_KEY_FILE", stage.path("none"));
    let told = ended(command).await.with(0);
    assert!(told.stderr.contains("cannot read the key file"), "{told:?}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let open = stage.path("open");
        private(&open, KEY);
        let mode = std::fs::Permissions::from_mode(0o640);
        std::fs::set_permissions(&open, mode).expect("a mode");
        let mut command = told_of(&stage, &model, "drift explain --rewrite");
        command.env("TAMER_EXPLAIN_KEY_FILE", open);
        let told = ended(command).await.with(0);
        assert!(told.stderr.contains("others can read the key file"), "{told:?}");
        assert!(!told.stderr.contains(KEY), "{told:?}");
    }
    let page = ended(told_of(&stage, &model, "drift explain --rewrite -o html")).await.with(2);
    assert!(page.stderr.contains("field: rewrite"), "{page:?}");
    assert!(model.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_context_says_it_as_well() {
    let stage = stage().await;
    let model = Model::open(Says::Text("From the context.")).await;
    let text = std::fs::read_to_string(stage.context()).expect("a context");
    let endpoint = format!("http://{}/v1", model.address);
    private(
        &stage.context(),
        &format!("{text}\n[explain]\nendpoint = {endpoint:?}\nmodel = \"c-1\"\n"),
    );
    let told = stage.run("drift explain --rewrite").await.with(0);
    assert!(told.stdout.contains("Written by c-1 at 127.0.0.1"), "{told:?}");
    let asked = model.asked();
    assert_eq!(asked[0].1, "", "no key, none sent");
}
