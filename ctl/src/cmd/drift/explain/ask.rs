//! Asking a language model, in the way that most of them understand: one request, one answer, both
//! bounded. It is sent the prompt and nothing else; what it says is data.

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde::{Deserialize, Serialize};
use tamer_model::{Code, Problem};

use super::settings::Settings;

/// The longest answer, in bytes: it is held in memory, and read by a person.
const LONGEST: usize = 256 * 1024;

#[derive(Serialize)]
struct Question<'a> {
    model: &'a str,
    messages: [Message<'a>; 1],
    stream: bool,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Deserialize)]
struct Answer {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Said,
}

#[derive(Deserialize)]
struct Said {
    content: Option<String>,
}

/// What the model says to a prompt.
///
/// # Errors
/// `TimedOut` after the settings' limit, `Unreachable` where nobody answers, `Unsupported` for an
/// answer that is none.
pub async fn ask(settings: &Settings, prompt: &str) -> Result<String, Problem> {
    let mut request = client(settings)?.post(settings.endpoint.clone()).json(&Question {
        model: &settings.model,
        messages: [Message { role: "user", content: prompt }],
        stream: false,
    });
    if let Some(key) = &settings.key {
        let bearer = format!("Bearer {}", key.reveal());
        let mut bearer = HeaderValue::try_from(bearer)
            .map_err(|_| Problem::new(Code::ConfigInvalid, "the key cannot be sent"))?;
        bearer.set_sensitive(true);
        request = request.header(AUTHORIZATION, bearer);
    }
    let response = request.send().await.map_err(|error| failed(error, settings))?;
    if !response.status().is_success() {
        let message = format!("it answered {}", response.status());
        return Err(Problem::new(Code::Unsupported, message));
    }
    said(&bounded(response, settings).await?)
}

/// A client that goes nowhere else: not where an answer sends it, and from this machine to itself
/// by no proxy.
fn client(settings: &Settings) -> Result<Client, Problem> {
    let builder = Client::builder()
        .timeout(settings.limit)
        .redirect(Policy::none())
        .https_only(!settings.loopback);
    let builder = if settings.loopback { builder.no_proxy() } else { builder };
    // Without encryption nobody has to be trusted: a machine without roots of trust is no failure.
    let plain = settings.endpoint.scheme() == "http";
    let builder = if plain { builder.tls_certs_only([]) } else { builder };
    builder.build().map_err(|error| failed(error, settings))
}

async fn bounded(mut response: Response, settings: &Settings) -> Result<Vec<u8>, Problem> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| failed(error, settings))? {
        if body.len() + piece.len() > LONGEST {
            let message = format!("its answer is longer than {} KiB", LONGEST / 1024);
            return Err(Problem::new(Code::ResourceExhausted, message));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

fn said(body: &[u8]) -> Result<String, Problem> {
    let none = || Problem::new(Code::Unsupported, "its answer is no chat completion");
    let answer: Answer = serde_json::from_slice(body).map_err(|_| none())?;
    let said = answer.choices.into_iter().next().and_then(|choice| choice.message.content);
    said.filter(|text| !text.trim().is_empty()).ok_or_else(none)
}

/// The reason on one line, without the address: that is told once, by who calls.
fn failed(error: reqwest::Error, settings: &Settings) -> Problem {
    if error.is_timeout() {
        let limit = humantime::format_duration(settings.limit);
        return Problem::new(Code::TimedOut, format!("it did not answer within {limit}"));
    }
    let error = error.without_url();
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(next) = cause {
        message = format!("{message}: {next}");
        cause = next.source();
    }
    Problem::new(Code::Unreachable, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_or_is_none() {
        let good = br#"{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"It was updated."}}],"usage":{}}"#;
        assert_eq!(said(good), Ok("It was updated.".to_owned()));
        for bad in [
            "",
            "null",
            "<html>",
            r#"{"error":{"message":"no"}}"#,
            r#"{"choices":[]}"#,
            r#"{"choices":[{"message":{"content":null}}]}"#,
            r#"{"choices":[{"message":{"content":" \n"}}]}"#,
            r#"{"choices":[{"message":{"content":7}}]}"#,
        ] {
            let problem = said(bad.as_bytes()).expect_err(bad);
            assert_eq!(problem.message, "its answer is no chat completion", "{bad}");
        }
    }
}
