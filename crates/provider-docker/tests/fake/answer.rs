//! Answers and refusals, in the form in which Docker gives them.

use std::io;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt as _};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{CONNECTION, CONTENT_TYPE, UPGRADE};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

pub type Answer = Response<UnsyncBoxBody<Bytes, io::Error>>;
pub type Result<T = Answer> = std::result::Result<T, Refusal>;

/// What Docker says no with.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    message: String,
}

impl Refusal {
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub fn missing(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// The same, in other words.
    pub fn map(self, message: impl FnOnce(String) -> String) -> Self {
        Self { status: self.status, message: message(self.message) }
    }

    pub fn answer(self) -> Answer {
        json_with(self.status, &json!({ "message": self.message }))
    }
}

/// A good answer.
pub fn json(value: &Value) -> Answer {
    json_with(StatusCode::OK, value)
}

/// Something was made.
pub fn made(value: &Value) -> Answer {
    json_with(StatusCode::CREATED, value)
}

/// It was done.
pub fn done() -> Answer {
    empty(StatusCode::NO_CONTENT)
}

/// It was so already.
pub fn so_already() -> Answer {
    empty(StatusCode::NOT_MODIFIED)
}

/// Only a status.
pub fn empty(status: StatusCode) -> Answer {
    whole(status, "text/plain", Bytes::new())
}

/// One JSON object a line.
pub fn lines(values: &[Value]) -> Answer {
    let text: String = values.iter().map(|value| format!("{value}\r\n")).collect();
    whole(StatusCode::OK, "application/json", text.into())
}

/// Pieces as they come.
pub fn stream(
    kind: &'static str,
    pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> Answer {
    let body = StreamBody::new(pieces.map_ok(Frame::data)).boxed_unsync();
    Response::builder().header(CONTENT_TYPE, kind).body(body).expect("the head is well made")
}

/// The connection is for bytes from here on.
pub fn switched() -> Answer {
    let mut answer =
        whole(StatusCode::SWITCHING_PROTOCOLS, "application/vnd.docker.raw-stream", Bytes::new());
    answer.headers_mut().insert(CONNECTION, "Upgrade".parse().expect("a word"));
    answer.headers_mut().insert(UPGRADE, "tcp".parse().expect("a word"));
    answer
}

fn json_with(status: StatusCode, value: &Value) -> Answer {
    whole(status, "application/json", format!("{value}\n").into())
}

fn whole(status: StatusCode, kind: &'static str, body: Bytes) -> Answer {
    let body = Full::new(body).map_err(|never| match never {}).boxed_unsync();
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, kind)
        .body(body)
        .expect("the head is well made")
}
