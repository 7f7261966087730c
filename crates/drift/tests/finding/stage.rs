//! A small fleet whose hosts are called web-1, web-2 … and whose changes are written down.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tamer_drift::diff::Change;
use tamer_drift::finding::{
    Comparison, Deed, Doing, HostDrift, IgnoreRule, Moment, Report, Settings, Touched, Window,
};
use tamer_drift::{Resource, ResourceKey, Value};
use tamer_model::{BatchId, HostId, Problem, Timestamp};

pub const MINUTE: u64 = 60_000;
pub const HOUR: u64 = 60 * MINUTE;
pub const DAY: u64 = 24 * HOUR;
/// 2026-11-20 00:00:00Z, when the baseline was.
pub const BASE: u64 = 1_795_132_800_000;

pub fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// The first ten minutes after so long since the baseline.
pub fn after(since: u64) -> Window {
    Window { from: at(BASE + since), to: at(BASE + since + 10 * MINUTE) }
}

pub fn host_id(number: u8) -> HostId {
    HostId::from_bytes([0, 0, 0, 0, 0, 0, 0, 0, 0, number])
}

pub fn batch_id(number: u8) -> BatchId {
    BatchId::at(BASE, [0, 0, 0, number])
}

/// A resource of `kind/source/id`, named as its id ends.
pub fn resource(key: &str, properties: &[(&str, Value)]) -> Resource {
    let key: ResourceKey = key.parse().expect("a key");
    let name = key.id().to_owned();
    let all = properties.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    Resource { properties: all.collect(), ..Resource::new(key, name) }
}

pub fn named(name: &str, resource: Resource) -> Resource {
    Resource { name: name.to_owned(), ..resource }
}

pub fn text(text: &str) -> Value {
    Value::from(text)
}

pub fn set(all: &[&str]) -> Value {
    Value::Set(all.iter().map(|one| text(one)).collect())
}

pub fn came(resource: Resource) -> Change {
    Change { key: resource.key.clone(), before: None, after: Some(resource) }
}

pub fn went(resource: Resource) -> Change {
    Change { key: resource.key.clone(), before: Some(resource), after: None }
}

/// A resource of which one property is another now.
pub fn turned(resource: Resource, property: &str, before: Value, after: Value) -> Change {
    let side = |value| Some(resource.clone().with(property, value));
    Change { key: resource.key.clone(), before: side(before), after: side(after) }
}

pub fn package(name: &str, before: &str, after: &str) -> Change {
    turned(resource(&format!("package/host/{name}"), &[]), "version", text(before), text(after))
}

pub fn rule(json: &str) -> Result<IgnoreRule, Problem> {
    serde_json::from_str(json)
        .map_err(|error| Problem::new(tamer_model::Code::InvalidField, error.to_string()))
}

#[derive(Debug)]
pub struct Stage {
    pub comparison: Comparison,
    pub deeds: Vec<Deed>,
    pub settings: Settings,
}

impl Stage {
    /// So many hosts with the label role=web, looked at a day after the baseline.
    pub fn new(hosts: u8) -> Self {
        let host = |number: u8| HostDrift {
            host: host_id(number),
            name: format!("web-{number}").parse().expect("a name"),
            labels: [("role".parse().expect("a key"), "web".parse().expect("a value"))].into(),
            facts: BTreeMap::from([("os".to_owned(), "linux".to_owned())]),
            changes: Vec::new(),
            windows: BTreeMap::new(),
            held: Vec::new(),
            gaps: Vec::new(),
            incomplete: Vec::new(),
            window: Window { from: at(BASE), to: at(BASE + DAY) },
        };
        let comparison = Comparison {
            baseline: Moment { name: "release-7".to_owned(), at: at(BASE) },
            now: at(BASE + DAY),
            hosts: (1..=hosts).map(host).collect(),
        };
        Self { comparison, deeds: Vec::new(), settings: Settings::default() }
    }

    pub fn host(&mut self, number: u8) -> &mut HostDrift {
        &mut self.comparison.hosts[usize::from(number) - 1]
    }

    /// The same change on each of these hosts, seen within ten minutes.
    pub fn put(&mut self, hosts: &[u8], since: u64, change: Change) -> &mut Self {
        for number in hosts {
            let host = self.host(*number);
            host.windows.insert(change.key.clone(), after(since));
            host.changes.push(change.clone());
        }
        self
    }

    /// A task of batch 1 that ran for a minute.
    pub fn did(&mut self, number: u8, since: u64, words: &str, touched: Touched) -> &mut Self {
        self.deeds.push(Deed {
            doing: Doing::Batch(batch_id(1)),
            host: host_id(number),
            from: at(BASE + since),
            to: Some(at(BASE + since + MINUTE)),
            by: Some("ada".parse().expect("a name")),
            words: words.to_owned(),
            touched,
        });
        self
    }

    pub fn ignore(&mut self, json: &str) -> &mut Self {
        self.settings.ignores.push(rule(json).expect("a rule"));
        self
    }

    pub fn report(&self) -> Report {
        Report::of(&self.comparison, &self.deeds, &self.settings)
    }

    /// The report as a person would be told it.
    pub fn told(&self) -> String {
        told(&self.report())
    }
}

pub fn told(report: &Report) -> String {
    let mut text = format!("{}: {}\n", report.verdict, report.summary.words);
    for finding in &report.findings {
        let _ = writeln!(text, "\n{} · {} · {}", finding.severity, finding.area, finding.title);
        let _ = writeln!(text, "    because {} ({})", finding.reason, finding.rule);
        let origin = &finding.origin;
        let _ = writeln!(
            text,
            "    {}, {} %: {}",
            origin.origin.word(),
            origin.confidence,
            origin.evidence
        );
        if !finding.exceptions.is_none() {
            let hosts: Vec<_> = finding.exceptions.hosts.iter().map(ToString::to_string).collect();
            let _ =
                writeln!(text, "    not on {} ({})", hosts.join(", "), finding.exceptions.alike);
        }
    }
    for group in &report.groups {
        let _ = writeln!(
            text,
            "\nstory · {} · {} ({} % sure)",
            group.area, group.title, group.confidence
        );
        let _ = writeln!(text, "    {}", group.why);
        for finding in group.findings.iter().filter_map(|id| report.finding(*id)) {
            let _ = writeln!(text, "    - {}", finding.title);
        }
    }
    for hidden in &report.hidden {
        let _ = writeln!(
            text,
            "\nhidden by {}: {} changes, {} fields ({})",
            hidden.rule, hidden.changes, hidden.fields, hidden.reason
        );
    }
    for unseen in &report.unobserved {
        let _ = writeln!(text, "\n{}", unseen.words);
    }
    text
}

pub fn json(document: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(document).expect("JSON")
}
