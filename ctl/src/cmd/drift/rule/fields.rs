//! A rule in flags.

use std::time::Duration;

use serde_json::{Map, Value};
use tamer_drift::Kind;
use tamer_drift::finding::{How, OriginWord};
use tamer_model::RuleName;

use crate::cmd::pairs;
use crate::contract::Time;

/// The flags. What is not said fits everything; something has to be said.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Fields {
    /// Its name
    rule: RuleName,
    /// Why nobody wants to hear of it
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Things of this kind: package, service, user, port …; can be given several times
    #[arg(long, value_name = "KIND", value_parser = str::parse::<Kind>)]
    kind: Vec<Kind>,
    /// What differs so: created, deleted, changed, moved, replaced, due; can be given several times
    #[arg(long, value_name = "CHANGE", value_parser = str::parse::<How>)]
    change: Vec<How>,
    /// From sources like this: host, docker, cloud-*
    #[arg(long, value_name = "GLOB")]
    source: Option<String>,
    /// Things with an id or a name like this
    #[arg(long, value_name = "GLOB")]
    resource: Option<String>,
    /// Only fields with a path like this, of what changed: properties.version
    #[arg(long, value_name = "GLOB")]
    path: Option<String>,
    /// On hosts that a selector means
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<String>,
    /// What comes from there: ours, co_owner, unknown
    #[arg(long, value_name = "ORIGIN", value_parser = str::parse::<OriginWord>)]
    origin: Option<OriginWord>,
    /// For so long, such as 7d [default: for ever]
    #[arg(long = "for", value_name = "SPAN", value_parser = pairs::span)]
    span: Option<Duration>,
}

impl Fields {
    /// The document; the coordinator checks it, and says whose it is.
    pub fn document(self) -> String {
        let Self { rule, reason, kind, change, source, resource, path, selector, origin, span } =
            self;
        let words = |words: Vec<String>| (!words.is_empty()).then(|| Value::from(words));
        let until = span.map(|span| Value::from(Time::now().after(span).as_millis()));
        let fields = [
            ("name", Some(rule.to_string().into())),
            ("reason", Some(reason.into())),
            ("kind", words(kind.iter().map(ToString::to_string).collect())),
            ("change", words(change.iter().map(ToString::to_string).collect())),
            ("source", source.map(Value::from)),
            ("resource", resource.map(Value::from)),
            ("path", path.map(Value::from)),
            ("hosts", selector.map(Value::from)),
            ("origin", origin.map(|origin| origin.as_str().into())),
            ("until", until),
        ];
        let fields = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        Value::Object(fields.collect::<Map<_, _>>()).to_string()
    }
}
