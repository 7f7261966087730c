//! Whom to ask, as the context and the environment say it. The key comes from a file: arguments and
//! variables are seen by others.

use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Url;
use tamer_model::{Code, Problem};

use crate::Session;
use crate::context::{Explain, Secret};
use crate::errors::Failure;
use crate::platform;
use crate::spec::words::Span;

const ENDPOINT: &str = "TAMER_EXPLAIN_ENDPOINT";
const MODEL: &str = "TAMER_EXPLAIN_MODEL";
const KEY_FILE: &str = "TAMER_EXPLAIN_KEY_FILE";
const TIMEOUT: &str = "TAMER_EXPLAIN_TIMEOUT";

/// The longest time for an answer, and the usual one: a person waits for it.
const LONGEST: Duration = Duration::from_secs(60);
/// The longest key, in bytes.
const LONGEST_KEY: u64 = 4096;

/// Whom to ask.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where.
    pub endpoint: Url,
    /// Whether that is this machine.
    pub loopback: bool,
    /// What the model is called.
    pub model: String,
    /// Sent to the endpoint and nowhere else.
    pub key: Option<Secret>,
    /// How long everything may take.
    pub limit: Duration,
}

/// Reads them: the environment over the context.
pub fn read(session: &Session) -> Result<Settings, Failure> {
    let told = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let of_context = session.open_context()?.explain.unwrap_or_default();
    Ok(settings(Explain {
        endpoint: told(ENDPOINT).or(of_context.endpoint),
        model: told(MODEL).or(of_context.model),
        key_file: told(KEY_FILE).map(PathBuf::from).or(of_context.key_file),
        timeout: told(TIMEOUT).or(of_context.timeout),
    })?)
}

fn settings(explain: Explain) -> Result<Settings, Problem> {
    let Explain { endpoint, model, key_file, timeout } = explain;
    let (Some(endpoint), Some(model)) = (endpoint, model) else {
        let message = "no language model is set, and none is asked by default";
        let remedy = format!(
            "write endpoint and model into [explain] of the context's file, or set {ENDPOINT} and \
             {MODEL}"
        );
        return Err(Problem::new(Code::ConfigInvalid, message).on("explain").remedy(remedy));
    };
    let (endpoint, loopback) = checked(&endpoint)?;
    let key = key_file.as_deref().map(key).transpose()?;
    let limit = match timeout.map(|text| text.parse::<Span>()) {
        None => LONGEST,
        Some(Ok(span)) => Duration::from_millis(span.millis()),
        Some(Err(error)) => return Err(wrong("timeout", &error.to_string(), "say it as 30s")),
    };
    Ok(Settings { endpoint, loopback, model, key, limit: limit.min(LONGEST) })
}

/// The address that is asked, and whether it is of this machine: only there nobody listens on the
/// way, so that it need not be encrypted.
fn checked(endpoint: &str) -> Result<(Url, bool), Problem> {
    let url: Url = endpoint.parse().map_err(|_| invalid("endpoint", "it is no address"))?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let loopback =
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    match url.scheme() {
        "https" => {}
        "http" if loopback => {}
        "http" => return Err(invalid("endpoint", "what is asked would travel readable for all")),
        _other => return Err(invalid("endpoint", "it is no address of the web")),
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(invalid("endpoint", "a name, a password or a query in it would be logged"));
    }
    let whole = format!("{}/chat/completions", url.as_str().trim_end_matches('/'));
    let url = whole.parse().map_err(|_| invalid("endpoint", "it is no address"))?;
    Ok((url, loopback))
}

fn key(path: &Path) -> Result<Secret, Problem> {
    let shown = path.display();
    let wrong = |message: String, remedy: &str| {
        Err(Problem::new(Code::ConfigInvalid, message).on("key_file").remedy(remedy))
    };
    if let Some(remedy) = platform::exposed(path) {
        return wrong(format!("others can read the key file {shown}"), &remedy);
    }
    let mut text = String::new();
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(LONGEST_KEY + 1).read_to_string(&mut text));
    match read {
        Err(error) => wrong(format!("cannot read the key file {shown}: {error}"), "check its path"),
        Ok(bytes) if bytes as u64 > LONGEST_KEY => {
            wrong(format!("the key file {shown} is longer than a key"), "check its path")
        }
        Ok(_) if text.trim().is_empty() || !text.trim().chars().all(|c| c.is_ascii_graphic()) => {
            wrong(format!("the key file {shown} holds no key"), "write the key alone into it")
        }
        Ok(_) => Ok(Secret::from(text.trim().to_owned())),
    }
}

fn invalid(field: &str, why: &str) -> Problem {
    wrong(field, why, "give an address such as https://api.example.com/v1")
}

fn wrong(field: &str, why: &str, remedy: &str) -> Problem {
    let message = format!("{field} of [explain]: {why}");
    Problem::new(Code::ConfigInvalid, message).on(field).remedy(remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(endpoint: &str) -> Result<Settings, Problem> {
        settings(Explain {
            endpoint: Some(endpoint.to_owned()),
            model: Some("m".to_owned()),
            ..Explain::default()
        })
    }

    #[test]
    fn only_this_machine_is_asked_without_encryption() {
        for (endpoint, asked, loopback) in [
            ("https://a.example/v1", "https://a.example/v1/chat/completions", false),
            ("https://a.example/v1/", "https://a.example/v1/chat/completions", false),
            ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1/chat/completions", true),
            ("http://[::1]:8080", "http://[::1]:8080/chat/completions", true),
            ("http://localhost/v1", "http://localhost/v1/chat/completions", true),
        ] {
            let settings = of(endpoint).expect(endpoint);
            assert_eq!((settings.endpoint.as_str(), settings.loopback), (asked, loopback));
            assert_eq!(settings.limit, LONGEST);
        }
        for endpoint in [
            "http://a.example/v1",
            "http://127.0.0.1.a.example/v1",
            "http://localhost.a.example/v1",
            "http://10.0.0.1/v1",
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
            "a.example",
            "",
            "https://u:p@a.example/",
            "https://a.example/?key=x",
        ] {
            let problem = of(endpoint).expect_err(endpoint);
            assert_eq!(problem.field.as_deref(), Some("endpoint"), "{endpoint}");
            assert!(!problem.message.contains("u:p"));
        }
    }

    #[test]
    fn nobody_is_asked_by_default_and_nobody_waits_for_ever() {
        let problem = settings(Explain::default()).expect_err("off");
        assert_eq!(problem.field.as_deref(), Some("explain"));
        let long = Explain {
            endpoint: Some("https://a.example".to_owned()),
            model: Some("m".to_owned()),
            timeout: Some("2h".to_owned()),
            ..Explain::default()
        };
        assert_eq!(settings(long.clone()).expect("settings").limit, LONGEST);
        let soon = Explain { timeout: Some("soon".to_owned()), ..long };
        assert_eq!(settings(soon).expect_err("no span").field.as_deref(), Some("timeout"));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_is_private_and_never_shown() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        let write = |text: &str, mode| {
            std::fs::write(&path, text).expect("writes");
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&path, mode).expect("a mode");
            key(&path)
        };
        let read = write("sk-1234\n", 0o600).expect("a key");
        assert_eq!(read.reveal(), "sk-1234");
        assert!(!format!("{read:?}").contains("1234"));
        let problem = write("sk-1234\n", 0o644).expect_err("open");
        assert!(problem.remedy.as_deref().expect("a remedy").starts_with("chmod 600"));
        for text in ["", " \n", "a b", "a\nb", "ä", &"x".repeat(5000)] {
            let problem = write(text, 0o600).expect_err(text);
            assert!(text.trim().is_empty() || !problem.message.contains(text), "{problem}");
        }
        assert!(key(&folder.path().join("none")).is_err());
    }
}
