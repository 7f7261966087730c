//! A request, taken apart.

use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::UPGRADE;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, StatusCode};
use serde::de::DeserializeOwned;

use crate::answer::{Refusal, Result};

/// The newest API that is spoken: 1.41.
const NEWEST: u32 = 41;
/// The most bytes of a body: an archive with a small image is the largest that tests send.
const MAX_BODY: usize = 64 << 20;

/// One request.
pub struct Ask {
    pub method: Method,
    /// The path without the version, each part decoded: an image's name is one part.
    pub parts: Vec<String>,
    query: Vec<(String, String)>,
    body: Option<Incoming>,
    /// The connection behind it, where the client asks for its bytes.
    pub upgrade: Option<OnUpgrade>,
}

impl Ask {
    pub fn new(mut request: Request<Incoming>) -> Result<Self> {
        let upgrade =
            request.headers().contains_key(UPGRADE).then(|| hyper::upgrade::on(&mut request));
        let (head, body) = request.into_parts();
        let mut parts: Vec<_> =
            head.uri.path().trim_start_matches('/').split('/').map(decoded).collect();
        if let Some(minor) = parts[0].strip_prefix("v1.").and_then(|text| text.parse::<u32>().ok())
        {
            if minor > NEWEST {
                let message = format!(
                    "client version 1.{minor} is too new. Maximum supported API version is \
                     1.{NEWEST}"
                );
                return Err(Refusal::new(StatusCode::BAD_REQUEST, message));
            }
            parts.remove(0);
        }
        let pairs = head.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let query = pairs.map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            // A space may be written as a plus here, and not in a path.
            (decoded(key), decoded(&value.replace('+', "%20")))
        });
        Ok(Self { method: head.method, parts, query: query.collect(), body: Some(body), upgrade })
    }

    /// The first value of this key.
    pub fn query(&self, key: &str) -> Option<&str> {
        self.query.iter().find(|(own, _)| own == key).map(|(_, value)| value.as_str())
    }

    /// Every value of this key.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.query.iter().filter(move |(own, _)| own == key).map(|(_, value)| value.as_str())
    }

    /// Whether it is switched on, as Docker reads a flag.
    pub fn flag(&self, key: &str) -> bool {
        !matches!(self.query(key).unwrap_or_default(), "" | "0" | "no" | "false" | "none")
    }

    /// The values of one of its filters; none where it is not given.
    pub fn filter(&self, name: &str) -> Result<Vec<String>> {
        let Some(text) = self.query("filters") else { return Ok(Vec::new()) };
        let filters: std::collections::BTreeMap<String, Vec<String>> =
            serde_json::from_str(text)
                .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))?;
        match filters.keys().find(|key| *key != name) {
            Some(other) => {
                Err(Refusal::new(StatusCode::BAD_REQUEST, format!("Invalid filter '{other}'")))
            }
            None => Ok(filters.into_values().flatten().collect()),
        }
    }

    /// The whole body.
    pub async fn bytes(&mut self) -> Result<Bytes> {
        let Some(body) = self.body.take() else { return Ok(Bytes::new()) };
        let whole = Limited::new(body, MAX_BODY).collect().await;
        let whole =
            whole.map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))?;
        Ok(whole.to_bytes())
    }

    /// The whole body, read as JSON.
    pub async fn json<T: DeserializeOwned>(&mut self) -> Result<T> {
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes)
            .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))
    }
}

/// A part of a path or query, with `%XX` as what it stands for.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        let digits = text.get(at + 1..at + 3).filter(|_| *byte == b'%');
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                at += 3;
            }
            None => {
                bytes.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
